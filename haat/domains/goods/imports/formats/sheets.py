"""Reads a table from a CSV or Excel file, row by row, in constant memory.

Nothing is guessed silently: text must be UTF-8 or UTF-16 (a byte order mark tells), the separator
is the one that the header has most of, a row longer than the header is told with its line.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from haat.domains.goods.imports.formats.refusals import Refused

CELLS_MAX = 500
CELL_MAX_CHARS = 131_072  # the csv module's own limit, which Excel's (32,767) is below
UNPACKED_MAX = 2 * 1024**3  # of an Excel file, which is a zip: a small one may hold a huge sheet
_SEPARATORS = ",;\t|"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """A row: `number` is the line it begins in (Excel: its row); cells stand as in the file."""

    number: int
    cells: list[str]


@dataclass(slots=True)
class Sheet:
    """`header` as it is in the file, stripped. `rows` can be read once."""

    header: list[str]
    rows: Iterator[Line | Refused]


class NotATable(Exception):
    """Raised inside with why the whole file cannot be read, and the line that shows it."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


def open_sheet(file: IO[bytes]) -> Sheet:
    """The table in this file, told from its content. Raises NotATable."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _excel(file)
    if start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG")):
        raise NotATable("This is not a table: save it as CSV or as Excel workbook (.xlsx).")
    return _csv(file, "utf-16" if start[:2] in _UTF16 else "utf-8-sig")


# --- CSV -------------------------------------------------------------------------------------


def _csv(file: IO[bytes], encoding: str) -> Sheet:
    # Bytes that are no UTF-8 come through as lone surrogates, so that their row can be told.
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        first = text.readline(CELL_MAX_CHARS * 4)
    except UnicodeError:
        raise NotATable("This text is neither UTF-8 nor UTF-16.") from None
    separator = max(_SEPARATORS, key=first.count)
    # Some shops pad their columns with spaces: `name , "a, b" ,`. Only then may a quote stand
    # beside a space, where RFC 4180 has none.
    padded = separator + " " in first or " " + separator in first
    reader = csv.reader(
        _after(first, text), delimiter=separator, strict=not padded, skipinitialspace=padded
    )
    rows = _csv_rows(reader)
    header = next((row for row in rows), None)
    if header is None:
        raise NotATable("The file is empty.")
    if isinstance(header, Refused):
        raise NotATable(header.reason, header.line)
    return Sheet(_header(header), _checked(rows, len(header.cells)))


def _after(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    if first:
        yield first
    while line := rest.readline(CELL_MAX_CHARS * 4):
        yield line


def _csv_rows(reader: Any) -> Iterator[Line | Refused]:
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(line=number, reason=f"Not CSV: {error}.")
            continue
        if any(cell.strip() for cell in cells):
            yield Line(number, cells)


# --- Excel -----------------------------------------------------------------------------------


def _excel(file: IO[bytes]) -> Sheet:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(file) as packed:
            if sum(one.file_size for one in packed.infolist()) > UNPACKED_MAX:
                raise NotATable("This workbook is too large when unpacked: save it as CSV.")
        file.seek(0)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError):
        raise NotATable("This is not an Excel workbook that can be read.") from None
    rows = _excel_rows(sheet)
    header = next(rows, None)
    if header is None:
        raise NotATable("The first sheet of the workbook is empty.")
    return Sheet(_header(header), _checked(rows, len(header.cells)))


def _excel_rows(sheet: Any) -> Iterator[Line]:
    for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=CELLS_MAX), 1):
        texts = [_text(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            yield Line(number, texts)


def _text(value: Any) -> str:
    """A cell as its reader sees it: 12, not 12.0; TRUE; 2026-01-31."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if abs(value) < 1e15 else f"{value:.0f}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).removesuffix("T00:00:00")
    return str(value)


# --- both ------------------------------------------------------------------------------------


def _header(line: Line) -> list[str]:
    names = [cell.strip() for cell in line.cells]
    if len(names) > CELLS_MAX:
        raise NotATable(f"The header has {len(names)} columns; at most {CELLS_MAX} are read.")
    if any("\udc80" <= char <= "\udcff" or char == "\0" for name in names for char in name):
        raise NotATable("The header is not UTF-8 text: save the file as CSV UTF-8.")
    return names


def _checked(rows: Iterator[Line | Refused], width: int) -> Iterator[Line | Refused]:
    for row in rows:
        if isinstance(row, Refused):
            yield row
        elif any(cell.strip() for cell in row.cells[width:]):
            reason = f"The row has {len(row.cells)} cells, the header has {width}."
            yield Refused(line=row.number, reason=reason, cells=row.cells)
        elif bad := _not_text(row.cells):
            reason = "This text is not UTF-8, or holds a character that cannot be stored."
            yield Refused(line=row.number, column=f"#{bad}", reason=reason, cells=row.cells)
        else:
            yield Line(row.number, row.cells[:width])


def _not_text(cells: list[str]) -> int:
    """The number, from 1, of the first cell that is no text; 0 for none."""
    for number, cell in enumerate(cells, 1):
        if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
            return number
        if "\0" in cell:
            return number
    return 0
