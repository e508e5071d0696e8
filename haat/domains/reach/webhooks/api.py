"""Outgoing webhooks: endpoints of vendors and of the market, deliveries, their tries.

Deliveries are signed as https://www.standardwebhooks.com says. `vendor_id` names whose endpoints
are meant: a vendor's (scope vendor:webhooks), or with None the market's own (scope staff:settings).
What is another's is NotFound.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

DeliveryState = Literal["waiting", "delivered", "failed"]
# Why an endpoint is off: its people switched it off; it answered 410; nothing but failures for
# days; staff switched it off.
Off = Literal["", "paused", "gone", "failing", "staff"]
Url = Annotated[str, Field(min_length=1, max_length=2000)]
Description = Annotated[str, Field(max_length=200)]
Types = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=100)]
OVERLAP_S = 86_400


class EndpointsFull(Conflict, code="webhooks_full"):
    """There are as many endpoints as there may be: remove one that is not used."""


class EndpointExists(Conflict, code="webhook_exists"):
    """There is an endpoint with this address already."""


class EndpointOff(Conflict, code="webhook_off"):
    """This endpoint is off; switch it on first."""


class SecretChanging(Conflict, code="webhook_secret_changing"):
    """The secret was changed within the last day, and the old one still signs as well. Wait, or end
    it now with an overlap of 0."""


class TooManyTests(Conflict, code="webhook_tests_many"):
    """An endpoint gets at most 30 test messages an hour."""


class EventKind(Model):
    """An event that can be sent. `right`: what somebody of the vendor must hold to choose it;
    None where it is the market's alone. `fields` of its `data`."""

    type: str
    version: int
    summary: str
    right: str | None
    fields: list[str]


class Endpoint(Model):
    """`events` that it hears. `failing_since` nothing got through; `old_secret_until` two secrets
    sign."""

    id: UUID
    vendor_id: UUID | None
    url: str
    description: str
    events: list[str]
    enabled: bool
    off: Off = ""
    created_at: datetime
    changed_at: datetime
    old_secret_until: datetime | None = None
    failing_since: datetime | None = None
    answered_at: datetime | None = None  # when something got through last


class MadeEndpoint(Model):
    """An endpoint and its new secret (whsec_…), which is told this once."""

    endpoint: Endpoint
    secret: Annotated[str, Field(repr=False)]


class Delivery(Model):
    """One message to one endpoint; `message_id` is its `webhook-id`. `due_at`: when it is tried
    next, while it waits. `status` of the last answer; `error` in place of one."""

    id: UUID
    message_id: str
    endpoint_id: UUID
    event_id: UUID
    type: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None = None
    done_at: datetime | None = None
    status: int | None = None
    error: str = ""


class Attempt(Model):
    """`ms` it took; `answer` is the beginning of what came back."""

    number: int
    at: datetime
    ms: int
    status: int | None = None
    error: str = ""
    answer: str = ""


class DeliveryDetail(Model):
    """`body` as it is sent, byte for byte; the tries in order."""

    delivery: Delivery
    body: str
    tries: list[Attempt]


class Replayed(Model):
    """`count` deliveries go out again; `more`: there are others, ask again."""

    count: int
    more: bool = False


class EndpointDisabled(Event, name="webhook.endpoint.disabled", key="endpoint_id"):
    """Nobody of its own switched it off. `host` of its address."""

    endpoint_id: UUID
    vendor_id: UUID | None
    host: str
    why: Literal["gone", "failing", "staff"]


class Webhooks(Contract, name="webhooks"):
    @query()
    async def kinds(self, ctx: Context) -> list[EventKind]:
        """The catalogue, by type."""

    @query()
    async def endpoints(self, ctx: Context, *, vendor_id: UUID | None = None) -> list[Endpoint]:
        """All of one owner, oldest first."""

    @query()
    async def endpoint(
        self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None
    ) -> Endpoint: ...

    @command()
    async def add(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        url: Url,
        events: Types,
        description: Description = "",
    ) -> MadeEndpoint:
        """UrlRefused; Invalid at "events" for one that is unknown, not for this owner, or of a
        right that the actor lacks; EndpointExists, also for an id that was used: the secret is told
        once. EndpointsFull."""

    @command(repeatable=True)
    async def change(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        url: Url | None = None,
        events: Types | None = None,
        description: Description | None = None,
        enabled: bool | None = None,
    ) -> Endpoint:
        """What is None stays. Switched on again, an endpoint counts as well, and what waits goes
        out. As `add`; one that staff switched off only they switch on (EndpointOff)."""

    @command(repeatable=True)
    async def remove(self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None) -> None:
        """Nothing more is sent; its deliveries cannot be seen any more. Harmless when repeated."""

    @command()
    async def change_secret(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_S)] = OVERLAP_S,
    ) -> MadeEndpoint:
        """A new secret; the old one signs as well for `overlap_s`. SecretChanging, unless that
        is 0: then no older one signs any more."""

    @command(repeatable=True)
    async def send_test(
        self, ctx: Context, *, id: UUID, endpoint_id: UUID, vendor_id: UUID | None = None
    ) -> Delivery:
        """A message of type "webhook.test", whatever it hears. EndpointOff, TooManyTests."""

    @query()
    async def deliveries(
        self,
        ctx: Context,
        *,
        endpoint_id: UUID,
        vendor_id: UUID | None = None,
        state: DeliveryState | None = None,
        type: Annotated[str, Field(max_length=60)] | None = None,
        limit: Limit = 30,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Of the last 30 days, newest first."""

    @query()
    async def delivery(
        self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None
    ) -> DeliveryDetail: ...

    @command(repeatable=True)
    async def replay(self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None) -> Delivery:
        """Sends it (again) now, under the same id, with all its tries before it. EndpointOff."""

    @command(repeatable=True)
    async def replay_failed(
        self,
        ctx: Context,
        *,
        endpoint_id: UUID,
        vendor_id: UUID | None = None,
        since: AwareDatetime,
    ) -> Replayed:
        """The same for all that failed and are of that time or later; up to 1,000 at once, oldest
        first. EndpointOff."""

    @query(scope="staff:settings")
    async def all_endpoints(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Endpoint]:
        """Of all vendors, newest first. Of their addresses nothing but the host is told."""

    @command(scope="staff:settings", repeatable=True)
    async def switch(self, ctx: Context, *, id: UUID, enabled: bool) -> Endpoint:
        """Staff switch a vendor's endpoint off, or on again. Harmless when repeated."""
