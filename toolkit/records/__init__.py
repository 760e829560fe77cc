"""What passes between the stages: frozen dataclasses that check themselves where they are made.

Conventions that hold everywhere:

* pictures are RGB uint8 arrays of shape (height, width, 3), EXIF upright;
* points are (x, y) in pixels of the full-size picture, x to the right, y down;
* *left* and *right* are the **subject's** own, as in the file names of clinical studies: the left
  cheek of a frontal face lies on the right of the picture;
* lengths on skin are millimetres.
"""

from toolkit.records.colour import IN_FRAME, Colour, ColourCorrection, colour_key
from toolkit.records.names import REGIONS, SIDE, PhotoFacts, PhotoFile, Region, Side
from toolkit.records.pictures import (
    CHART_PARTS,
    CHART_REGIONS,
    HIDDEN_CHEEK,
    NO_MARGINS,
    REASONS,
    Face,
    FaceChart,
    FacePatches,
    Margins,
    Patch,
    Photo,
    PigmentMaps,
    Window,
)
from toolkit.records.results import (
    Contribution,
    Evidence,
    Figures,
    PhotoGrade,
    PhotoResult,
    Quality,
    interval_holds,
)
from toolkit.records.severity import SEVERITIES, SEVERITY_TOLD, SEVERITY_WORDS, half_step, severity_of

__all__ = [
    "CHART_PARTS",
    "CHART_REGIONS",
    "HIDDEN_CHEEK",
    "IN_FRAME",
    "NO_MARGINS",
    "REASONS",
    "REGIONS",
    "SEVERITIES",
    "SEVERITY_TOLD",
    "SEVERITY_WORDS",
    "SIDE",
    "Colour",
    "ColourCorrection",
    "Contribution",
    "Evidence",
    "Face",
    "FaceChart",
    "FacePatches",
    "Figures",
    "Margins",
    "Patch",
    "Photo",
    "PhotoFacts",
    "PhotoFile",
    "PhotoGrade",
    "PhotoResult",
    "PigmentMaps",
    "Quality",
    "Region",
    "Side",
    "Window",
    "colour_key",
    "half_step",
    "interval_holds",
    "severity_of",
]
