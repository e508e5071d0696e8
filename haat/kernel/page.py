"""Keyset pages: `{"items": [...], "next": cursor}`; a cursor is opaque to clients."""

import base64
import json
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from haat.kernel.errors import Invalid
from haat.kernel.model import Model

T = TypeVar("T")
LIMIT_MAX = 100
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX)]


class Page(Model, Generic[T]):
    """Up to `limit` items; `next` is the cursor of the following page, null on the last."""

    items: list[T]
    next: str | None = None


def encode_cursor(*key: Any) -> str:
    """A cursor that continues behind the row with this key."""
    text = json.dumps(key, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: Any) -> list[Any] | None:
    """The key in a cursor, each part converted by its type; Invalid when it is not one of ours."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
        if not isinstance(parts, list) or len(parts) != len(types):
            raise ValueError
        return [convert(part) for convert, part in zip(types, parts, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Invalid.at(
            "cursor", "Take the cursor from the 'next' of the page before.", "cursor_invalid"
        ) from None


def page_of(rows: list[T], limit: int, *key: str) -> Page[T]:
    """A page from up to `limit + 1` rows read; the attributes named by `key` make the cursor."""
    items = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=items,
        next=encode_cursor(*(getattr(items[-1], part) for part in key)) if more else None,
    )
