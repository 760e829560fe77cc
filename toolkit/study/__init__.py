"""A study's bookkeeping: who is on which photograph, the experts' grades, and subject-disjoint folds."""

from toolkit.study.folds import subject_folds
from toolkit.study.graders import read_experts, read_graders
from toolkit.study.join import Columns, JoinedGrades, SharedRow, join_files, join_grades, refuse_shared
from toolkit.study.names import facts_from_name, visit_label
from toolkit.study.scale import CLINICAL_SCALE, FREE_SCALE, Scale, parse_scale, step_of
from toolkit.study.tables import GradeRow, GradeTable, read_grades

__all__ = [
    "CLINICAL_SCALE",
    "FREE_SCALE",
    "Columns",
    "GradeRow",
    "GradeTable",
    "JoinedGrades",
    "Scale",
    "SharedRow",
    "facts_from_name",
    "join_files",
    "join_grades",
    "parse_scale",
    "read_experts",
    "read_graders",
    "read_grades",
    "refuse_shared",
    "step_of",
    "subject_folds",
    "visit_label",
]
