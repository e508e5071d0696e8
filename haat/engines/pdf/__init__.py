"""Papers for people's files: letter-like documents with tables, as PDF.

A `Paper` says what stands on it; `render` lays it out. The same paper gives the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = ["Grid", "Paper", "render"]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `align` has one letter a column (l or r); `widths` are shares of the page's width;
    `totals` are rows at its end, in bold."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    widths: Sequence[int]
    totals: Sequence[Sequence[str]] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """`sender` and `recipient` are lines of an address; `facts` are (label, value) pairs such as
    number and date."""

    title: str
    made_at: datetime
    sender: Sequence[str] = ()
    recipient: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    grids: Sequence[Grid] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    size: Literal["A4", "letter"] = "A4"


def render(paper: Paper) -> bytes:
    """The PDF. It carries its own fonts: Latin, Cyrillic and Bengali letters; what is
    in neither shows as an empty box."""
    # Fonts and their tables are 17 MB, in processes that mostly never make a paper.
    from haat.engines.pdf.layout import layout

    return layout(paper)
