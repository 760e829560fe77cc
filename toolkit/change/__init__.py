"""Change on the skin: two photographs of one side of one face, laid over each other and compared spot by spot."""

from toolkit.change.interval import change_interval
from toolkit.change.pairs import (
    PairChange,
    PairJob,
    VisitPhoto,
    compare_all,
    find_pairs,
    read_again,
    start_process,
)
from toolkit.change.pigment import KINDS, SpotChanges, VisitChart, change_limit, compare_spots
from toolkit.change.register import Registration, register_charts, warped

__all__ = [
    "KINDS",
    "PairChange",
    "PairJob",
    "Registration",
    "SpotChanges",
    "VisitChart",
    "VisitPhoto",
    "change_interval",
    "change_limit",
    "compare_all",
    "compare_spots",
    "find_pairs",
    "read_again",
    "register_charts",
    "start_process",
    "warped",
]
