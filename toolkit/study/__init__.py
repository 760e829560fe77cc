"""A study's bookkeeping: who is on which photograph, the experts' grades, and subject-disjoint folds."""

from toolkit.study.folds import subject_folds
from toolkit.study.graderows import GradeRow
from toolkit.study.graders import read_experts, read_graders
from toolkit.study.gradetable import GradeTable, read_grades
from toolkit.study.join import join_files, join_grades, refuse_shared
from toolkit.study.joined import Columns, JoinedGrades, SharedRow
from toolkit.study.modes import (
    OTHER_MODE,
    WHITE,
    known_mode,
    mode_notes,
    mode_of,
    mode_title,
    modes_told,
    other_mode,
    refuse_several_modes,
    study_photos,
)
from toolkit.study.names import facts_from_name, visit_label
from toolkit.study.scale import CLINICAL_SCALE, FREE_SCALE, Scale, parse_scale, step_of

__all__ = [
    "CLINICAL_SCALE",
    "FREE_SCALE",
    "OTHER_MODE",
    "WHITE",
    "Columns",
    "GradeRow",
    "GradeTable",
    "JoinedGrades",
    "Scale",
    "SharedRow",
    "facts_from_name",
    "join_files",
    "join_grades",
    "known_mode",
    "mode_notes",
    "mode_of",
    "mode_title",
    "modes_told",
    "other_mode",
    "parse_scale",
    "read_experts",
    "read_graders",
    "read_grades",
    "refuse_several_modes",
    "refuse_shared",
    "step_of",
    "study_photos",
    "subject_folds",
    "visit_label",
]
