"""The audit's trail: one entry for each row that somebody changed, chained by hashes."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, query
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

Change = Literal["insert", "update", "delete", "visit"]
Form = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
Text = Annotated[str, Field(max_length=200)]


class AuditNoted(Event, name="audit.noted", key="subject"):
    """A row that somebody changed, as a trigger of its schema noted it, or a page that a support
    session visited.

    `changes`: column → {"before": …, "after": …}; {"hidden": true} for one that is personal or
    secret: its values are on no event. `vendor_id`: whose store it is about; `person_id`: whose
    row.
    """

    module: str
    kind: str
    subject: str
    change: Change
    changes: dict[str, Any]
    command: str
    acting: str
    actor_type: str
    actor_id: UUID | None = None
    acting_vendor_id: UUID | None = None
    session_id: UUID | None = None
    vendor_id: UUID | None = None
    person_id: UUID | None = None
    request_id: str = ""
    reason: str = ""


class Entry(Model):
    """One link of the chain. `reason` is empty where none was given; `reason_erased` where there
    was one and it is gone with the person it was about."""

    seq: int
    id: UUID
    at: datetime
    actor_type: str
    actor_id: UUID | None
    acting: str
    acting_vendor_id: UUID | None
    session_id: UUID | None
    command: str
    request_id: str
    module: str
    kind: str
    subject: str
    change: str
    vendor_id: UUID | None
    person_id: UUID | None
    changes: dict[str, Any]
    reason: str = ""
    reason_erased: bool = False
    hash: str  # SHA-256, hex


class Asked(Model):
    """What the trail is narrowed to; None narrows nothing. `kind` is "module.table" or a module;
    `since` is included, `until` is not."""

    actor_id: UUID | None = None
    acting: Text | None = None
    kind: Text | None = None
    subject: Text | None = None
    command: Text | None = None
    request_id: Text | None = None
    session_id: UUID | None = None
    vendor_id: UUID | None = None
    person_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class Part(Model):
    """A piece of a file; `next` asks for the following one, None after the last."""

    content: bytes
    next: str | None = None


class Head(Model):
    """The newest link: who noted it down sees later whether the chain still goes through it."""

    position: int
    hash: str


class Audit(Contract, name="audit"):
    @query(scope="staff:audit", timeout_s=20)
    async def entries(
        self, ctx: Context, *, asked: Asked, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Entry]:
        """Newest first."""

    @query(scope="staff:audit", timeout_s=20)
    async def export(
        self,
        ctx: Context,
        *,
        asked: Asked,
        form: Form,
        cursor: str | None = None,
    ) -> Part:
        """The same as a file, newest first, a piece at a time."""

    @query(scope="vendor:team", timeout_s=20)
    async def entries_of_vendor(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        asked: Asked,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """What was changed of one's own store, by its team or by staff; newest first. Of staff it
        is told that it was staff, not who."""

    @query(scope="internal")
    async def head(self, ctx: Context, *, position: int | None = None) -> Head | None:
        """The newest link, or the one at this position; None where there is none."""
