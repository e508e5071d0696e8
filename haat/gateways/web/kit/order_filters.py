"""What a list of orders is narrowed to, read from the page's address."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from haat.domains.trade.orders.api import OrderFilter
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.kernel.errors import Invalid

FIELDS = ("q", "since", "until", "total_min", "total_max", "payment", "fulfilment", "vendor_id")
Q_MAX = 200


def narrowed(given: Mapping[str, str], currency: str) -> tuple[OrderFilter, Form]:
    """The filter, and the form as it was sent. What cannot be read is told at its field, and does
    not narrow."""
    values = {name: text for name in FIELDS if (text := given.get(name, "").strip())}
    reader = Reader(values)
    found: dict[str, object] = {
        "q": reader.text("q", longest=Q_MAX, required=False)[:Q_MAX] or None,
        "since": day(reader, values, "since"),
        "until": day(reader, values, "until", last=True),
        "payment": values.get("payment"),
        "fulfilment": values.get("fulfilment"),
        "vendor_id": _id(values.get("vendor_id")),
    }
    for name in ("total_min", "total_max"):
        amount = reader.amount_or_none(name, currency)
        found[name] = amount.minor if amount else None
    try:
        reader.done()
    except Invalid as problem:
        return OrderFilter(), Form(values, problem)
    return OrderFilter.model_validate(found), Form(values)


def day(
    reader: Reader, values: Mapping[str, str], name: str, *, last: bool = False
) -> datetime | None:
    """The beginning of that day (UTC), or of the one after it."""
    if name not in values:
        return None
    try:
        found = date.fromisoformat(values[name])
        begin = datetime(found.year, found.month, found.day, tzinfo=UTC)
        return begin + timedelta(days=1) if last else begin
    except (ValueError, OverflowError):
        reader.refuse(name, "Write a date like 2026-11-30.", "date_invalid")
        return None


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
