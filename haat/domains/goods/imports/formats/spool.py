"""Brings the rows of each product together, wherever in the file they stand, in constant memory.

A file may have a product's variations far from it (WooCommerce), so its rows go through a database
on disk (SQLite, a file that is gone afterwards), and come back product by product in the order in
which the file first names them.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from haat.domains.goods.imports.formats.adapting import Adapter
from haat.domains.goods.imports.formats.mapping import Mapping, Reader, Row
from haat.domains.goods.imports.formats.products import Made, product_of
from haat.domains.goods.imports.formats.refusals import Refusal, Refused
from haat.domains.goods.imports.formats.sheets import Line, Sheet

ROWS_AT_ONCE = 2_000
Cells = tuple[int, str, str]


class Spool:
    """All rows of one sheet. Use as a context; the file is gone afterwards.

    `total` and `last_line` are known once it is filled.
    """

    def __init__(self, sheet: Sheet, mapping: Mapping) -> None:
        self._sheet, self._mapping = sheet, mapping
        self.total = 0
        self.last_line = 0

    def __enter__(self) -> "Spool":
        self._folder = tempfile.TemporaryDirectory(prefix="haat-import-")
        # Worked on by threads, but by one at a time.
        self._db = sqlite3.connect(
            Path(self._folder.name) / "rows", isolation_level=None, check_same_thread=False
        )
        self._db.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE rows (number INTEGER PRIMARY KEY, key TEXT NOT NULL, cells TEXT NOT NULL,
                               raw TEXT NOT NULL, reason TEXT, field TEXT);
            CREATE TABLE aliases (alias TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
            """
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def fill(self) -> Iterator[int]:
        """Reads the sheet; yields how many rows are read now and then."""
        adapter = Adapter(Reader(self._sheet.header, self._mapping))
        rows: list[tuple[object, ...]] = []
        self._db.execute("BEGIN")
        for line in self._sheet.rows:
            self.total += 1
            rows.append(self._row(adapter, line))
            self.last_line = line.line if isinstance(line, Refused) else line.number
            if len(rows) >= ROWS_AT_ONCE:
                self._write(rows)
                rows.clear()
                yield self.total
        self._write(rows)
        self._db.execute("COMMIT")
        self._db.executescript(
            """
            CREATE INDEX by_key ON rows (key);
            UPDATE rows SET key = a.key FROM aliases a WHERE a.alias = rows.key;
            CREATE TABLE groups AS
              SELECT key, min(number) AS first FROM rows WHERE reason IS NULL GROUP BY key;
            CREATE UNIQUE INDEX by_first ON groups (first);
            CREATE INDEX by_reason ON rows (number) WHERE reason IS NOT NULL;
            """
        )
        yield self.total

    def _row(self, adapter: Adapter, line: Line | Refused) -> tuple[object, ...]:
        if isinstance(line, Refused):
            raw = json.dumps(line.cells)
            column = line.column
            if column.startswith("#"):
                column = self._sheet.header[int(column[1:]) - 1]
            return (line.line, "", "{}", raw, line.reason, column)
        raw = json.dumps(line.cells)
        try:
            row = adapter.row(line.number, line.cells)
        except Refusal as refusal:
            return (line.number, "", "{}", raw, refusal.reason, refusal.field)
        for alias in row.aliases:
            self._db.execute("INSERT OR IGNORE INTO aliases VALUES (?, ?)", (alias, row.key))
        return (line.number, row.key, json.dumps(row.cells), raw, None, None)

    def _write(self, rows: list[tuple[object, ...]]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _grouped(self, after_line: int) -> sqlite3.Cursor:
        """Rows of products that begin behind that line, those of a product behind each other:
        (first line, line, key, cells)."""
        return self._db.execute(
            """
            SELECT g.first, r.number, r.key, r.cells FROM groups g JOIN rows r ON r.key = g.key
             WHERE r.reason IS NULL AND g.first > ? ORDER BY g.first, r.number
            """,
            (after_line,),
        )

    def products(self, currency: str, *, after_line: int = 0) -> Iterator[Made]:
        """Every product, in the order of their first lines, from after that line."""
        group: list[Row] = []
        found = self._grouped(after_line)
        for _, number, key, cells in found:
            if group and group[0].key != key:
                yield product_of(group[0].key, group, currency)
                group = []
            group.append(Row(number, json.loads(cells), [], key))
        if group:
            yield product_of(group[0].key, group, currency)

    def taken(self, after_line: int, most: int, most_rows: int) -> tuple[int, list[Cells]]:
        """The rows (number, key, cells as JSON) of at most so many products behind that line, or of
        those that begin within so many rows; and up to which line that is."""
        rows: list[Cells] = []
        products, last = 0, after_line
        for first, number, key, cells in self._grouped(after_line):
            if first != last:
                if products == most or len(rows) >= most_rows:
                    return last, rows
                products, last = products + 1, first
            rows.append((number, key, cells))
        return self.last_line, rows

    def taken_upto(self, after_line: int, upto: int) -> tuple[int, list[Cells]]:
        """All rows of the products that begin behind the one line and not behind the other."""
        rows: list[Cells] = []
        for first, number, key, cells in self._grouped(after_line):
            if first > upto:
                break
            rows.append((number, key, cells))
        return upto, rows

    def unread(self, after: int, upto: int, most: int = -1) -> list[Refused]:
        """Rows that no product can be made of, of lines `after` < line <= `upto`."""
        found = self._db.execute(
            "SELECT number, field, reason FROM rows WHERE reason IS NOT NULL AND number > ?"
            " AND number <= ? ORDER BY number LIMIT ?",
            (after, upto, most),
        )
        return [Refused(line=n, column=field, reason=reason) for n, field, reason in found]

    def raw_rows(self, key: str) -> list[tuple[int, list[str]]]:
        """A product's rows as the file has them: (line, cells)."""
        found = self._db.execute("SELECT number, raw FROM rows WHERE key = ? ORDER BY 1", (key,))
        return [(number, json.loads(raw)) for number, raw in found]

    def raw_row(self, line: int) -> list[str]:
        """One row as the file has it."""
        found = self._db.execute("SELECT raw FROM rows WHERE number = ?", (line,)).fetchone()
        return json.loads(found[0]) if found else []
