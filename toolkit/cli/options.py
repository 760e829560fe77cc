"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.urls import given, output


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


class Drift(StrEnum):
    """Over what a grader's bias may drift."""

    visits = "visits"
    rows = "rows"


class Weights(StrEnum):
    """How patch grades are weighed into a face."""

    learned = "learned"
    mmasi = "mmasi"
    equal = "equal"


Images = Annotated[
    list[Path],
    typer.Argument(
        parser=given,
        help="Photographs, folders of them (searched recursively), or both; also as URLs (s3://, gs://, az://, sftp://).",
    ),
]
Grades = Annotated[
    list[Path],
    typer.Option(
        help="Workbook (.xlsx) or table (.csv) of expert grades, or a review exported from the report page; may be "
        "given several times. Of several graders train tries their mean and a combined grade."
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
FactsFile = Annotated[
    Path | None,
    typer.Option(
        "--facts", help="Table of file names with subject, side, visit, where names do not tell these."
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        parser=output,
        help="Page (.html) to look at and review the grades: one file, up to 400 photos.",
    ),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option("--report-dir", parser=output, help="The same as a folder, for thousands of photos."),
]
Blind = Annotated[
    bool,
    typer.Option("--blind", help="That page opens with every grade hidden until the reader has given one."),
]
ExpertGrades = Annotated[Path | None, typer.Option(help="Workbook of expert grades to show on that page.")]
NoChange = Annotated[bool, typer.Option("--no-change", help="Do not compare later visits with the baseline.")]
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
ColourChart = Annotated[
    str | None,
    typer.Option(
        help="Correct colours by a ColorChecker of 24 patches: a photograph of one, in-frame (one in each photo), or a "
        "table (.csv, .xlsx) with the columns photos and chart, for several cameras or sessions."
    ),
]
ColourMatch = Annotated[
    Path | None,
    typer.Option(help="Without a chart: correct colours by the table of toolkit match-cameras."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of processes; by default one per core.")]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster", help="Do it on a Dask cluster: tcp://HOST:PORT of its scheduler, or local for one here."
    ),
]
Resources = Annotated[
    str | None,
    typer.Option(
        help="With --cluster, train on workers alone that dask worker --resources gave these: GPU=1."
    ),
]
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
