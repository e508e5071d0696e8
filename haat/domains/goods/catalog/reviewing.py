"""Types of how listings are looked at: notes, and what is approved without a look.

Part of the public file: `api` hands these names on.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.model import Model

Decision = Literal["approve", "reject", "request_changes", "take_down"]
Refusal = Literal["rejected", "changes_requested", "taken_down"]
NoteText = Annotated[str, Field(min_length=1, max_length=2000)]
Price = Annotated[int, Field(ge=0, le=10_000_000_000)]


class Note(Model):
    """Something said about a product while it is looked at. `external`: its vendor reads it."""

    id: UUID
    at: datetime
    by: Literal["vendor", "staff"]
    person_id: UUID | None
    external: bool
    text: str


class ApprovalRule(Model):
    """What is on sale as soon as it is submitted: products of this vendor, in this category or
    below it, whose prices all lie in this band; None: any. Prices in minor units."""

    id: UUID
    vendor_id: UUID | None = None
    category_id: UUID | None = None
    price_min: Price | None = None
    price_max: Price | None = None


class Change(Model):
    """One change of a product: {"field": [before, after]}, by whom."""

    at: datetime
    actor_type: str
    actor_id: UUID | None
    what: str
    changes: dict[str, Any]
