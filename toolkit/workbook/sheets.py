"""The sheets of a workbook, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from toolkit.dictionary import dictionary_rows
from toolkit.glossary import terms
from toolkit.records import REGIONS, PhotoGrade
from toolkit.summary import Line, Summary, flag_of
from toolkit.tables import Column, Rows, Survey, Value, survey
from toolkit.workbook.book import Book, Cell
from toolkit.workbook.byvisit import BY_VISIT, CHANGE_TO
from toolkit.workbook.cells import DECIMALS, FIGURES, FORMATS, TITLE_FILL, short
from toolkit.workbook.pages import WIDEST, longer_columns, new_sheet, set_page

LEARNT = (
    "against experts' grades"  # the item of Run that says that the model learnt from photos that it graded
)
GRADE_COLUMNS: tuple[str, ...] = (
    "photo",
    "subject",
    "side",
    "visit",
    "grade",
    "grade_half_step",
    "lower",
    "upper",
    "severity",
    "nearest_class",
    *REGIONS,
    "explanation",
    "visible_cm2",
    "measured_cm2",
    "quality",
    "note",
)
CHANGE_COLUMNS: tuple[str, ...] = (
    "photo",
    "baseline_photo",
    "subject",
    "side",
    "visit",
    "baseline_visit",
    "grade",
    "baseline_grade",
    "grade_change",
    "change_lower",
    "change_upper",
    "common_cm2",
    "registration",
    "pigment_od",
    "baseline_pigment_od",
    "pigment_change_od",
    "spot_darkness_change",
    "spots_gone",
    "spots_fainter",
    "spots_same",
    "spots_darker",
    "spots_new",
    "gone_cm2",
    "fainter_cm2",
    "same_cm2",
    "darker_cm2",
    "new_cm2",
    "note",
)
COLOUR_COLUMNS: tuple[str, ...] = ("photo", "correction", "patches", "error_before", "error_after", "note")
_SCALED = ("grade", *REGIONS)
_FLAGGED_FILL = "FFF2CC"  # amber: look at the quality or the note
_FAILED_FILL = "F8D7DA"  # red: no grade
_FILLS = {"": None, "other": None, "flagged": _FLAGGED_FILL, "failed": _FAILED_FILL}
_LEGEND: list[dict[str, Value]] = [
    {
        "item": "amber row of Grades",
        "value": "needs review: read the quality and the note before you use the grade",
    },
    {"item": "red row of Grades", "value": "could not be graded: the note says why"},
]
_SCALE = {  # unpigmented to dark
    "type": "3_color_scale",
    "min_type": "num",
    "min_value": 0,
    "min_color": "#FFFFFF",
    "mid_type": "num",
    "mid_value": 4.5,
    "mid_color": "#E8C39E",
    "max_type": "num",
    "max_value": 9,
    "max_color": "#C07F55",
}
_BARS = {
    "type": "data_bar",
    "min_type": "num",
    "min_value": 0,
    "max_type": "max",
    "bar_color": "#C07F55",
    "min_length": "0",  # no bar where nothing was counted; text, as XlsxWriter 3.2 takes a number 0 for none
}
Table = Iterable[Mapping[str, Value]]


def grade_rows(grades: Iterable[PhotoGrade]) -> Rows[dict[str, Value]]:
    """The rows of the sheet Grades."""
    return Rows(lambda: map(_grade_row, grades))


def _grade_row(grade: PhotoGrade) -> dict[str, Value]:
    facts = grade.facts
    return {
        "photo": grade.name,
        "subject": facts.subject,
        "side": facts.side,
        "visit": facts.visit,
        "grade": grade.grade,
        "grade_half_step": grade.half_step,
        "lower": grade.lower,
        "upper": grade.upper,
        "severity": grade.severity,
        "nearest_class": grade.nearest_class,
        **{region: grade.regions.get(region) for region in REGIONS},
        "explanation": grade.explanation or None,
        "visible_cm2": grade.visible_cm2,
        "measured_cm2": grade.measured_cm2,
        "quality": grade.quality,
        "note": grade.note,
    }


def run_rows(run: Mapping[str, str | int | float]) -> list[dict[str, Value]]:
    """The rows of the sheet Run."""
    return [{"item": item, "value": value} for item, value in run.items()]


def add_grades(book: Book, rows: Table, found: Survey) -> None:
    """The sheet Grades, its rows coloured by what needs review."""
    sheet, long = new_sheet(book, "Grades", found, frozen="B2"), longer_columns(found)
    for row in rows:
        fill = _FILLS[flag_of(row)]
        sheet.append(Cell(row[name], FORMATS.get(name), fill, wrap=name in long) for name in GRADE_COLUMNS)
    for name in _SCALED:
        column = GRADE_COLUMNS.index(name)
        sheet.page.conditional_format(1, column, max(found.count, 1), column, _SCALE)


def add_table(book: Book, title: str, rows: Table, found: Survey) -> None:
    """A sheet of any table."""
    sheet, long = new_sheet(book, title, found, frozen="B2"), longer_columns(found)
    formats = {
        name: _visit_format(name, column) if title == BY_VISIT else _figure_format(name, column)
        for name, column in found.columns.items()
    }
    for row in rows:
        sheet.append(Cell(short(row.get(name)), formats[name], wrap=name in long) for name in found.columns)


def _visit_format(name: str, column: Column) -> str | None:
    return None if column.text else FORMATS["grade_change" if name.startswith(CHANGE_TO) else "grade"]


def _figure_format(name: str, column: Column) -> str | None:
    """As many decimals as leave about three digits of a column's largest figure."""
    if name in FORMATS:
        return FORMATS[name]
    if name == "value" or column.text or not column.fraction:  # values of any figure, large and small
        return None
    return next(form for top, form in DECIMALS if column.largest < top)


def add_summary(book: Book, summary: Summary, more: Sequence[Line] = ()) -> None:
    """Counts and distributions on the left, with ``more`` lines under them, the photos to look at on the right."""
    left, right = [*summary.figures(), *more], summary.flagged_rows()
    sheet = book.sheet("Summary")
    widths = (24, 10, 9, 9, 9, 9, 9, 3, 36, 8, 24, WIDEST)
    set_page(sheet, widths, max(len(left), len(right)))
    for place in range(max(len(left), len(right))):
        cells: list[Cell | None] = [None] * 12
        if place < len(left):
            cells[: len(left[place].cells)] = _summary_cells(left[place], "0.00")
        if place < len(right):
            cells[8:] = _summary_cells(right[place], "0.0")
        sheet.append(cells)
    for first, last in _runs([place for place, line in enumerate(left) if line.bar]):
        sheet.page.conditional_format(first, 1, last, 1, _BARS)


def _summary_cells(line: Line, number_format: str) -> list[Cell]:
    fill = TITLE_FILL if line.title else _FILLS[line.flag]
    cells = []
    for value in line.cells:
        is_figure = isinstance(value, float) or (line.title and value in FIGURES)
        form = number_format if isinstance(value, float) else None
        cells.append(Cell(value, form, fill, align="right" if is_figure else None, bold=line.title))
    return cells


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers as (first, last)."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def add_run(book: Book, run: Mapping[str, str | int | float]) -> None:
    """The sheet Run."""
    rows = run_rows(run)
    found = survey(rows + _LEGEND, ("item", "value"))
    sheet = new_sheet(book, "Run", found, frozen="A2", filtered=len(rows))
    for row in rows:
        sheet.append(Cell(value, align="left") for value in row.values())
    sheet.append([])
    for row, fill in zip(_LEGEND, (_FLAGGED_FILL, _FAILED_FILL), strict=True):
        sheet.append([Cell(row["item"], fill=fill), Cell(row["value"])])


def add_dictionary(book: Book, columns: Mapping[str, Sequence[str]]) -> None:
    """The sheet Dictionary: every column of the others explained."""
    rows = dictionary_rows(columns)
    found = survey(rows, ("sheet", "column", "meaning", "unit", "range"))
    sheet = new_sheet(book, "Dictionary", found, frozen="A2")
    for row in rows:
        sheet.append(Cell(row[name], wrap=True) for name in found.columns)


def add_glossary(book: Book) -> None:
    """The sheet Glossary: what words such as fold or conformal interval mean."""
    rows = [asdict(one) for one in terms()]
    found = survey(rows, ("part", "term", "meaning"))
    sheet = new_sheet(book, "Glossary", found, frozen="A2")
    for row in rows:
        sheet.append(Cell(row[name], wrap=True) for name in found.columns)
