"""Differences as CSV (RFC 4180). Pure."""

import csv
import io
from collections.abc import Sequence

from haat.domains.money.reconciliation.api import Difference

HEAD = [
    "difference",
    "kind",
    "status",
    "our_kind",
    "our_id",
    "our_reference",
    "our_amount",
    "our_time",
    "their_line",
    "their_reference",
    "their_amount",
    "their_fee",
    "their_time",
    "their_text",
    "amount",
    "currency",
    "proposal",
    "proposal_text",
    "reason",
]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cells(one: Difference) -> list[str]:
    ours, theirs = one.ours, one.theirs
    return [
        str(one.id),
        one.kind,
        one.status,
        *(
            (ours.kind, str(ours.id), str(ours.reference), ours.amount.decimal())
            if ours
            else ("", "", "", "")
        ),
        f"{ours.at:%Y-%m-%dT%H:%M:%SZ}" if ours else "",
        *((theirs.id, theirs.provider_ref or "") if theirs else ("", "")),
        *((theirs.amount.decimal(), theirs.fee.decimal()) if theirs else ("", "")),
        f"{theirs.at:%Y-%m-%dT%H:%M:%SZ}" if theirs else "",
        theirs.text if theirs else "",
        one.difference.decimal(),
        one.difference.currency,
        one.proposal.action,
        one.proposal.text,
        one.reason,
    ]


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Cells that a spreadsheet would take for formulas are made plain; amounts stay."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[_plain(cell) for cell in row] for row in rows])
    return out.getvalue()


def _plain(cell: str) -> str:
    if cell.startswith(_FORMULA) and not cell.lstrip("+-").replace(".", "", 1).isdigit():
        return "'" + cell
    return cell
