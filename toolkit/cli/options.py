"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Style(StrEnum):
    """What a phantom photograph shows."""

    half = "half"
    full = "full"
    mixed = "mixed"


class PainterName(StrEnum):
    """Whose spots a phantom has."""

    stamps = "stamps"
    fields = "fields"
    dots = "dots"
    mixed = "mixed"


class KappaWeights(StrEnum):
    """How far apart two grades count in Cohen's kappa."""

    quadratic = "quadratic"
    linear = "linear"


class Weights(StrEnum):
    """How patch grades are weighed into a face."""

    learned = "learned"
    mmasi = "mmasi"
    equal = "equal"


Images = Annotated[
    list[Path], typer.Argument(help="Photographs, folders of them (searched recursively), or both.")
]
Grades = Annotated[
    list[Path],
    typer.Option(
        help="Workbook (.xlsx) or table (.csv) of expert grades, or a review exported from the report page; may be "
        "given several times. Several graders of a photo count by their mean."
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", help="Name a column of the grades: subject=ID, side=..., visit=..., grade=..., file=..."
    ),
]
SheetName = Annotated[
    list[str] | None, typer.Option("--sheet", help="Name the sheet to read, where a workbook has several.")
]
SideWords = Annotated[
    list[str] | None,
    typer.Option(
        "--side-words", help="A word for a side beside the usual ones of many languages: left=vasen."
    ),
]
Retakes = Annotated[
    bool,
    typer.Option("--retakes", help="Photographs in different folders may share a row: retakes of one visit."),
]
Mode = Annotated[
    str | None,
    typer.Option(
        help="Only photographs whose names end so: white, xpol, ppol, uv, nir, ... (white: no such end)."
    ),
]
GradeScale = Annotated[
    str, typer.Option("--scale", help="What grades may be, within 0-9: LOW-HIGH, LOW-HIGH/STEP.")
]
AnyScale = Annotated[
    str,
    typer.Option("--scale", help="Grades allowed: LOW-HIGH/STEP, LOW-HIGH for any number between, or free."),
]
ClassEdges = Annotated[
    str | None,
    typer.Option(help="Lower edges of the grade classes, e.g. 0,3,3.5,4,4.5,5,5.5 (the default)."),
]
Thumbnails = Annotated[bool, typer.Option(help="Keep small pictures of the reference patches.")]
Landmarks = Annotated[
    str | None,
    typer.Option(help="facemesh (the default), or dlib: not for commercial use, an extra to install."),
]
LandmarkModel = Annotated[
    Path | None, typer.Option(help="Another 68-point dlib predictor (.dat) in place of these.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of processes; by default one per core.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Also replace files that this command did not write there, and results of other photographs; never a "
        "file that it reads.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, for programs, in place of the lines.")
]
