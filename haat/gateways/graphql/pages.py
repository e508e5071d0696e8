"""Relay's connections over our keyset pages.

A page's last edge carries the contract's own cursor. An edge inside a page is named by the page it
stands on and its place there: going on from it reads that page again and leaves out what comes
before. Pages go forward only, as keysets do.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from haat.kernel.errors import Invalid
from haat.kernel.page import LIMIT_MAX, decode_cursor, encode_cursor

T = TypeVar("T")
FIRST = 24
CURSOR_MAX = 2_000

First = Annotated[int, strawberry.argument(description=f"How many, 1 to {LIMIT_MAX}.")]
After = Annotated[
    str | None, strawberry.argument(description="Behind this edge's cursor, or `endCursor`.")
]


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some rows, each with its cursor."""

    rows: Sequence[T]
    cursors: Sequence[str]
    info: PageInfo


async def sliced(
    first: int, after: str | None, read: Callable[[int, str | None], Awaitable[Any]]
) -> tuple[Slice[Any], Any]:
    """A slice and the page it is from; `read(limit, cursor)` gives `{items, next}`. One call."""
    if not 1 <= first <= LIMIT_MAX:
        raise Invalid.at("first", f"Ask for 1 to {LIMIT_MAX}.", "first_invalid")
    start, skip = _place(after)
    page = await read(min(LIMIT_MAX, first + skip), start)
    rows = page.items[skip : skip + first]
    more = page.next is not None or len(page.items) > skip + len(rows)
    cursors = [encode_cursor(start, skip + n + 1) for n in range(len(rows))]
    if rows and page.next is not None and skip + len(rows) == len(page.items):
        cursors[-1] = encode_cursor(page.next, 0)
    info = PageInfo(
        has_next_page=more and bool(rows),
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )
    return Slice(rows, cursors, info), page


def _place(after: str | None) -> tuple[str | None, int]:
    """The cursor of a page, and how many of its rows come before."""
    if after is None:
        return None, 0
    try:
        if len(after) > CURSOR_MAX:
            raise Invalid
        found = decode_cursor(after, _cursor, _count)
    except Invalid:
        raise Invalid.at("after", "Take a cursor from the page before.", "cursor_invalid") from None
    assert found is not None, "a cursor was given"
    return found[0], found[1]


def _cursor(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LIMIT_MAX:
        raise ValueError
    return value


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="A page of a list. Lists go forward: `first` and `after`.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo


def connection(found: Slice[Any], nodes: list[T]) -> Connection[T]:
    """The slice with its rows as they are shown."""
    edges = [Edge(cursor=c, node=n) for c, n in zip(found.cursors, nodes, strict=True)]
    return Connection(edges=edges, nodes=nodes, page_info=found.info)
