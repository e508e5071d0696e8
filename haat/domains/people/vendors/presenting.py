"""What a vendor says of itself beside its name: hours, places, contact, policies, preferences.

Part of the public file: `api` hands these names on. `Presenting` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model

PLACES_MAX = 50
POLICY_MAX_CHARS = 20_000
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Policy = Annotated[str, Field(max_length=POLICY_MAX_CHARS)]
PlaceKind = Literal["shop", "pickup", "returns", "office"]


class PlacesFull(Conflict, code="places_full"):
    """A vendor has at most 50 places."""


class Span(Model):
    """Open from `opens` until `closes` ("24:00" is the day's end), by the clock on the wall."""

    opens: Clock
    closes: Clock


class Hours(Model):
    """`week`: seven days from Monday on, each with its spans; none is closed. `timezone` as in
    the IANA database ("Europe/Berlin")."""

    timezone: Annotated[str, Field(max_length=60)]
    week: Annotated[list[Annotated[list[Span], Field(max_length=4)]], Field(max_length=7)]


class Policies(Model):
    """Plain text for customers; "" says nothing."""

    returns: Policy = ""
    shipping: Policy = ""
    privacy: Policy = ""


class Place(Model):
    """Where customers find the vendor or its goods; degrees where it is known on the map."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: PlaceKind = "shop"
    line1: Annotated[str, Field(min_length=1, max_length=120)]
    postal_code: Annotated[str, Field(max_length=20)] = ""
    city: Annotated[str, Field(min_length=1, max_length=80)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    phone: Annotated[str, Field(max_length=40)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


class KeptPlace(Place):
    id: UUID


class Preferences(Model):
    """How a vendor works. `handling_hours`: within how many hours after it is paid it sends an
    order, or has it ready to collect; None is what the market expects. Customers are told, and
    each order keeps what was promised when it was bought: the vendor is measured by that."""

    handling_hours: Annotated[int, Field(ge=1, le=720)] | None = None


class Presence(Model):
    """What is shown on a vendor's page. `open_now` None: it says no hours; `changes_at`: when it
    opens or closes next, within a week."""

    vendor_id: UUID
    hours: Hours | None = None
    open_now: bool | None = None
    changes_at: datetime | None = None
    policies: Policies = Policies()
    places: list[KeptPlace] = []


class Presenting:
    """The part of the contract that is about what a vendor says of itself."""

    @query()
    async def presence(self, ctx: Context, *, vendor_id: UUID) -> Presence:
        """Of a vendor that customers see, or of one's own. NotFound."""

    @command(scope="vendor:profile", repeatable=True)
    async def set_hours(self, ctx: Context, *, vendor_id: UUID, hours: Hours | None) -> Presence:
        """Invalid at a span that ends before it begins, or overlaps another; None: says none."""

    @command(scope="vendor:profile", repeatable=True)
    async def set_policies(
        self, ctx: Context, *, vendor_id: UUID, policies: Policies
    ) -> Presence: ...

    @command(scope="vendor:profile", repeatable=True)
    async def save_place(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, place: Place
    ) -> KeptPlace:
        """Adds or changes one. PlacesFull, NotFound."""

    @command(scope="vendor:profile", repeatable=True)
    async def remove_place(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> None: ...

    @query(scope="vendor:profile")
    async def preferences(self, ctx: Context, *, vendor_id: UUID) -> Preferences: ...

    @command(scope="vendor:profile", repeatable=True)
    async def set_preferences(
        self, ctx: Context, *, vendor_id: UUID, preferences: Preferences
    ) -> Preferences: ...
