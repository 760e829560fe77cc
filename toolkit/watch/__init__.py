"""Whether the photographs of a run are like those of the study that the model was trained on."""

from toolkit.watch.compare import Difference, Watched, compare
from toolkit.watch.figures import FIGURES, Figure, StudyFigures
from toolkit.watch.words import ADVICE, WatchRow, in_words, told, watch_rows

__all__ = [
    "ADVICE",
    "FIGURES",
    "Difference",
    "Figure",
    "StudyFigures",
    "WatchRow",
    "Watched",
    "compare",
    "in_words",
    "told",
    "watch_rows",
]
