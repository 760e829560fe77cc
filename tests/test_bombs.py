"""Workbooks that unpack to far more than they are: refused in seconds, in little memory, in one line."""

import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from places import ROOT

from toolkit.errors import GradesError
from toolkit.study import read_grades, sheets

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<worksheet xmlns="{MAIN}"><sheetData>'
TAIL = "</sheetData></worksheet>"
GRADES = '<row r="1"><c r="A1" t="inlineStr"><is><t>subject</t></is></c><c r="B1" t="inlineStr"><is><t>grade</t></is></c></row>'


def workbook(path: Path, sheet: list[str], strings: list[str] | None = None) -> Path:
    """A workbook whose parts are written as they are given, piece by piece."""
    import openpyxl

    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path) as old:
        parts = {part.filename: old.read(part) for part in old.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name, data in parts.items():
            pieces = (
                sheet
                if name.endswith("sheet1.xml")
                else strings
                if strings and name.endswith("sharedStrings.xml")
                else None
            )
            if pieces is None:
                made.writestr(name, data)
                continue
            with made.open(name, "w") as file:
                for piece in pieces:
                    file.write(piece.encode())
        if strings and "xl/sharedStrings.xml" not in parts:
            with made.open("xl/sharedStrings.xml", "w") as file:
                for piece in strings:
                    file.write(piece.encode())
    return path


def bombs(folder: Path):
    cells = '<c r="A2" t="inlineStr"><is><t>x</t></is></c>' * 10_000
    yield workbook(folder / "rows.xlsx", [HEAD, GRADES, *(["<row>" + cells + "</row>"] * 400), TAIL])
    yield workbook(folder / "row.xlsx", [HEAD, GRADES, "<row>", *(["<c/>" * 100_000] * 200), "</row>", TAIL])
    yield workbook(folder / "space.xlsx", [HEAD, GRADES, *([" " * 10_000_000] * 45), TAIL])
    strings = [
        f'<sst xmlns="{MAIN}">',
        *(["<si><t>" + "y" * 40 + "</t></si>"] * 100),
        *(["<si><t>z</t></si>" * 100_000] * 40),
        "</sst>",
    ]
    yield workbook(folder / "strings.xlsx", [HEAD, GRADES, TAIL], strings)
    wide = "".join(f'<row r="{r}"><c r="XFD{r}"><v>1</v></c></row>' for r in range(2, 2000))
    yield workbook(folder / "grid.xlsx", [HEAD, GRADES, wide, TAIL])
    yield with_styles(workbook(folder / "styles.xlsx", [HEAD, GRADES, TAIL]), 1_000_000)


def with_styles(path: Path, count: int) -> Path:
    """The workbook with so many more styles of cells."""
    with zipfile.ZipFile(path) as old:
        parts = {part: old.read(part) for part in old.namelist()}
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(b"</cellXfs>", b"<xf/>" * count + b"</cellXfs>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return path


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))


def test_a_bomb_is_refused_in_one_line_little_memory_and_few_seconds(tmp_path):
    for path in bombs(tmp_path):
        assert path.stat().st_size < 4_000_000
        started = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "toolkit.cli", "agreement", str(path), str(path)],
            capture_output=True, text=True, preexec_fn=limited, timeout=120,
            env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PATH": ""},
        )  # fmt: skip
        assert ran.returncode == 1, (path.name, ran.stderr)
        assert ran.stderr.count("\n") == 1 and path.name in ran.stderr and "as CSV" in ran.stderr, ran.stderr
        assert time.monotonic() - started < 30, path.name


def test_reading_ends_when_its_time_is_up(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", [HEAD, GRADES, TAIL])
    monkeypatch.setattr(sheets, "_MAX_SECONDS", -1.0)
    with pytest.raises(GradesError, match="more cells"):
        read_grades(path)


def test_a_workbook_of_many_grades_is_none(tmp_path):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Grades")
    sheet.append(["file", "grade", *(f"other {n}" for n in range(20))])
    for n in range(4_000):
        sheet.append([f"P{n:05}.jpg", 3.5, *range(20)])
    book.save(tmp_path / "a.xlsx")
    assert len(read_grades(tmp_path / "a.xlsx").rows) == 4_000
