"""A study's bookkeeping: who is on which photograph, the experts' grades, and subject-disjoint folds."""

from toolkit.study.folds import subject_folds
from toolkit.study.join import JoinedGrades, join_grades
from toolkit.study.names import facts_from_name, visit_label
from toolkit.study.tables import GradeRow, GradeTable, read_grades

__all__ = [
    "GradeRow",
    "GradeTable",
    "JoinedGrades",
    "facts_from_name",
    "join_grades",
    "read_grades",
    "subject_folds",
    "visit_label",
]
