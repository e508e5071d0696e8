"""Entries as rows of a CSV file, or as lines of JSON."""

import csv
import io
import json
from collections.abc import Sequence

from haat.domains.trust.audit.api import Entry

COLUMNS = (
    *("seq", "at", "actor_type", "actor_id", "acting", "acting_vendor_id", "session_id"),
    *("command", "request_id", "module", "kind", "subject", "change", "vendor_id", "person_id"),
    *("changes", "reason", "hash"),
)


def csv_of(entries: Sequence[Entry], *, first: bool) -> str:
    """Rows; before the first of a file its heading, and the mark that spreadsheets look for."""
    head = "\ufeff" + _rows([COLUMNS]) if first else ""
    return head + _rows([[_cell(getattr(one, name)) for name in COLUMNS] for one in entries])


def lines_of(entries: Sequence[Entry]) -> str:
    return "".join(f"{one.model_dump_json()}\n" for one in entries)


def _rows(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: object) -> str:
    """Text that a spreadsheet does not take for a formula."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
