"""An Excel workbook, written a row at a time: cells that hold numbers or text, never a formula, and their looks."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from toolkit.csvguard import FORMULA_STARTS
from toolkit.files import write_atomically
from toolkit.outputs import stamp_workbook
from toolkit.tables import Value, clean

# Excel takes _x0041_ for an A, and XlsxWriter <r>...</r> for XML that is to be written as it is. Cut here, neither does.
_MISREAD = re.compile(r"(?<=_)(?=x[0-9a-fA-F]{4}_)|(?<=\A<)(?=r>)")


class Cell(NamedTuple):
    """What a cell holds and how it looks; without a value it is left out, unless it has a fill or a number format.
    ``wrap``: text that is longer than its column goes on below."""

    value: Value
    number_format: str | None = None
    fill: str | None = None
    align: str | None = None
    bold: bool = False
    light: bool = False
    wrap: bool = False


class Sheet:
    """A sheet that grows by rows. ``page`` is XlsxWriter's own, for all that is no cell."""

    def __init__(self, page: Any, look: Callable[[Cell, bool], Any]) -> None:
        self.page = page
        self._look = look
        self._row = 0

    def append(self, cells: Iterable[Cell | None]) -> None:
        """Write the next row; it cannot be changed afterwards."""
        for column, cell in enumerate(cells):
            if cell is not None:
                self._write(column, cell)
        self._row += 1

    def _write(self, column: int, cell: Cell) -> None:
        value = clean(cell.value)
        if isinstance(value, str):
            self._write_text(column, value, self._look(cell, value.startswith(FORMULA_STARTS)))
        elif value is not None:
            self.page.write_number(self._row, column, value, self._look(cell, False))
        elif cell.fill or cell.number_format:
            self.page.write_blank(self._row, column, None, self._look(cell, False))

    def _write_text(self, column: int, text: str, look: Any) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n")  # as any reader of XML takes them
        pieces = _MISREAD.split(text)
        if len(pieces) == 1:
            self.page.write_string(self._row, column, text, look)
        else:  # pieces of one look, each after its font
            runs = [one for piece in pieces for one in (look, piece)]
            self.page.write_rich_string(self._row, column, *runs, look)


class Book:
    """A workbook of ``Sheet``s: the rows of one are written before the next is begun."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._looks: dict[tuple[object, ...], Any] = {}

    def sheet(self, title: str) -> Sheet:
        """A new sheet after the others."""
        return Sheet(self._book.add_worksheet(title), self._look)

    def _look(self, cell: Cell, quoted: bool) -> Any:
        """XlsxWriter's format of a cell; ``quoted``: as after an apostrophe, so that editing makes it no formula."""
        key = (*cell[1:], quoted)
        if key not in self._looks:
            self._looks[key] = self._book.add_format(_properties(cell, quoted))
        return self._looks[key]


def write_book(path: Path, kind: str, fill: Callable[[Book], None]) -> None:
    """Write the workbook that ``fill`` fills, whole or not at all; its memory does not grow with the rows. ``kind``:
    whose output it is, as ``stamp_workbook`` writes it. Raises ToolkitError where it cannot be written."""

    def write(file: IO[bytes]) -> None:
        with _opened(file) as book:
            fill(book)
        stamp_workbook(file, kind)

    write_atomically(path, write)


@contextlib.contextmanager
def _opened(file: IO[bytes]) -> Iterator[Book]:
    """A book that is written into ``file`` at the end; its rows wait in a folder that is gone then, whatever happens."""
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory(prefix="toolkit-", ignore_cleanup_errors=True) as folder:
        options = {"constant_memory": True, "tmpdir": folder, "use_zip64": True}
        book = xlsxwriter.Workbook(file, options)
        try:
            yield Book(book)
            book.close()
        except FileCreateError as error:
            raise error.args[0] from None  # the system's own error
        finally:
            for page in book.worksheets():
                page.fh.close()  # Windows removes no file that is open


def _properties(cell: Cell, quoted: bool) -> dict[str, object]:
    wanted = {
        "num_format": cell.number_format,
        "bg_color": cell.fill and f"#{cell.fill}",
        "align": cell.align or (cell.number_format and "center"),
        "text_wrap": cell.wrap,
        "valign": cell.wrap and "top",
        "bold": cell.bold,
        "font_color": cell.light and "#FFFFFF",
        "quote_prefix": quoted,
    }
    return {name: value for name, value in wanted.items() if value}
