"""Erasure of a person and the export of their data: asked for, under way, done.

Who bought without an account asks with their order's signed link; `person_id` is the order's id
then.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.events import Event
from haat.kernel.model import Model

ErasureState = Literal["asked", "withdrawn", "erasing", "erased"]
ExportState = Literal["making", "ready", "expired"]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class ErasureRefused(Conflict, code="erasure_refused"):
    """Something has to end before this account can be erased. `obstacles` says what."""


class ErasureUnderWay(Conflict, code="erasure_under_way"):
    """It has begun, and cannot be taken back any more."""


class NothingAsked(NotFound, code="nothing_asked"):
    """No erasure is asked for."""


class ExportMissing(NotFound, code="export_missing"):
    """There is no such export, or it has expired."""


class OrderOfAccount(Conflict, code="order_of_account"):
    """Whose order it is has an account, and asks there."""


class Obstacle(Model):
    """Why an account cannot be erased now: "orders_open", "returns_open", "disputes_open",
    "credits_left", "vendor_owned", "vendor_money", "staff"; `what` names them."""

    code: str
    message: str
    what: list[str] = []


class Erasure(Model):
    """`due_at`: when it begins, unless it is withdrawn. `parts` of `of` are done."""

    id: UUID
    person_id: UUID
    state: ErasureState
    by_staff: bool
    asked_at: datetime
    due_at: datetime
    ended_at: datetime | None = None
    obstacles: list[Obstacle] = []
    parts: int = 0
    of: int = 0


class LinkedErasure(Model):
    """What a guest asked for of an order (None: nothing), and what has to end before."""

    erasure: Erasure | None
    obstacles: list[Obstacle]


class Export(Model):
    """A person's data as a file: `parts` of `of` are gathered; `size_bytes` when it is ready."""

    id: UUID
    person_id: UUID
    state: ExportState
    asked_at: datetime
    ready_at: datetime | None = None
    expires_at: datetime | None = None
    size_bytes: int = 0
    parts: int = 0
    of: int = 0


class Work(Model):
    """What a process is to do for one person: erase, or tell, what these modules have."""

    id: UUID
    kind: Literal["erase", "tell"]
    person_id: UUID
    email: str
    orders: list[UUID]
    parts: list[UUID]
    returns: list[UUID]
    vendors: list[UUID] = []
    untraded: list[UUID] = []
    guest: bool = False
    modules: list[str]


class Piece(Model):
    """A piece of an export's file; `next` asks for the following one, None after the last."""

    content: bytes
    next: str | None = None


class PersonErased(Event, name="person.erased", key="person_id"):
    """Nothing of this person is left but their id; of a `guest` the order's."""

    person_id: UUID
    guest: bool = False


class Privacy(Contract, name="privacy"):
    @query(scope="person")
    async def erasure(self, ctx: Context) -> Erasure | None:
        """What the actor asked for last; None for nothing."""

    @query(scope="person", timeout_s=30)
    async def obstacles(self, ctx: Context) -> list[Obstacle]:
        """What has to end before the actor can be erased; nothing: it can be asked for."""

    @command(scope="person", proof=True, timeout_s=30)
    async def ask_erasure(self, ctx: Context, *, id: UUID) -> Erasure:
        """Asks for the actor's own, which begins after a while (HAAT_ERASURE_DAYS). What is asked
        already is answered as it is. ErasureRefused."""

    @command(scope="person")
    async def withdraw_erasure(self, ctx: Context) -> Erasure:
        """NothingAsked, ErasureUnderWay."""

    @command(scope="staff:settings", proof=True, timeout_s=30)
    async def erase_person(
        self, ctx: Context, *, id: UUID, person_id: UUID, reason: Reason
    ) -> Erasure:
        """At once, at somebody's written wish. ErasureRefused; NotFound."""

    @query(scope="staff:settings")
    async def erasure_of(self, ctx: Context, *, person_id: UUID) -> Erasure | None: ...

    @query(timeout_s=30)
    async def erasure_by_link(self, ctx: Context, *, token: str) -> LinkedErasure:
        """What a guest asked for of an order, and what hinders it. LinkInvalid, OrderOfAccount."""

    @command(timeout_s=30)
    async def ask_erasure_by_link(self, ctx: Context, *, id: UUID, token: str) -> Erasure:
        """As `ask_erasure`, of an order alone, by whoever has its link."""

    @command(repeatable=True)
    async def withdraw_erasure_by_link(self, ctx: Context, *, token: str) -> Erasure:
        """NothingAsked, ErasureUnderWay."""

    @command(scope="staff:settings", proof=True, timeout_s=30)
    async def erase_guest(
        self, ctx: Context, *, id: UUID, order_id: UUID, reason: Reason
    ) -> Erasure:
        """At once, at a guest's written wish. ErasureRefused, OrderOfAccount; NotFound."""

    @command(timeout_s=30)
    async def ask_export_by_link(self, ctx: Context, *, id: UUID, token: str) -> Export: ...

    @query()
    async def exports_by_link(self, ctx: Context, *, token: str) -> list[Export]: ...

    @command(timeout_s=60)
    async def take_export_by_link(
        self, ctx: Context, *, id: UUID, token: str, cursor: str | None = None
    ) -> Piece: ...

    @command(scope="person", proof=True, timeout_s=30)
    async def ask_export(self, ctx: Context, *, id: UUID) -> Export:
        """Begins to gather the actor's data; one at a time: what is being made is answered."""

    @query(scope="person")
    async def exports(self, ctx: Context) -> list[Export]:
        """The actor's own, newest first; at most 20."""

    @command(scope="person", proof=True, timeout_s=60)
    async def take_export(self, ctx: Context, *, id: UUID, cursor: str | None = None) -> Piece:
        """The actor's own file. ExportMissing."""

    @query(scope="internal")
    async def work(self, ctx: Context, *, here: list[str], all_parts: list[str]) -> list[Work]:
        """What is to be done by the modules `here`, of `all_parts` there are. Identity's part comes
        last: until then it says where the person is reached."""

    @command(scope="internal", repeatable=True, timeout_s=60)
    async def done(
        self,
        ctx: Context,
        *,
        id: UUID,
        module: str,
        all_parts: list[str],
        content: str | None = None,
    ) -> None:
        """A module's part is done; `content`, of an export, is JSON."""

    @query(scope="internal")
    async def erased(self, ctx: Context, *, after: UUID | None = None) -> list[UUID]:
        """Who was erased, by id, at most 1,000."""

    @command(scope="internal", repeatable=True, timeout_s=60)
    async def erase_again(self, ctx: Context, *, person_ids: list[UUID]) -> int:
        """Erases those of whom this database does not know it: it is older than their erasure.
        How many."""
