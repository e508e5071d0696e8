"""Vendors: application, review, public profile, suspension, their own commission rate."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.people.vendors.holding import (
    Holding,
    TermsStanding,
    VendorHeld,
    VendorReleased,
)
from haat.domains.people.vendors.presenting import (
    PLACES_MAX,
    Hours,
    KeptPlace,
    Place,
    PlaceKind,
    PlacesFull,
    Policies,
    Policy,
    Preferences,
    Presence,
    Presenting,
    Span,
)
from haat.domains.people.vendors.resting import (
    Absence,
    AbsenceInvalid,
    Resting,
    VendorAway,
    VendorBack,
    VendorClosed,
    VendorClosing,
)
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page
from haat.kernel.rating import Rating

# What stands in other files of this module and is as public as the rest.
__all__ = [
    "PLACES_MAX",
    "Absence",
    "AbsenceInvalid",
    "Application",
    "Hours",
    "KeptPlace",
    "Location",
    "Name",
    "Place",
    "PlaceKind",
    "PlacesFull",
    "Policies",
    "Policy",
    "Preferences",
    "Presence",
    "Span",
    "Status",
    "TermsStanding",
    "Vendor",
    "VendorApplied",
    "VendorApproved",
    "VendorAway",
    "VendorBack",
    "VendorChange",
    "VendorChanged",
    "VendorClosed",
    "VendorClosing",
    "VendorHeld",
    "VendorNameTaken",
    "VendorReinstated",
    "VendorRejected",
    "VendorReleased",
    "VendorShown",
    "VendorSuspended",
    "Vendors",
    "WrongVendorState",
]

Name = Annotated[str, Field(min_length=2, max_length=80)]
Status = Literal["pending", "active", "suspended", "rejected", "closing", "closed"]


class VendorNameTaken(Conflict, code="vendor_name_taken"):
    """Another vendor has that name."""


class WrongVendorState(Conflict, code="vendor_state"):
    """The vendor is not in a state that allows this."""


class Location(Model):
    """Where a vendor does business, for customers who look nearby. Degrees; `place` names it."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    place: Annotated[str, Field(max_length=120)] = ""


class Vendor(Model):
    """`commission_bp` None means the market's default. `verified`: staff have looked at its
    papers."""

    id: UUID
    slug: str
    name: str
    description: str = ""
    status: Status
    logo_id: UUID | None = None
    banner_id: UUID | None = None
    country: str
    business_type: str = ""  # as declared: "sole_trader", "company", or other words
    contact_email: str | None = None  # given to the vendor's team and staff only
    commission_bp: int | None = None
    reason: str | None = None  # why it was rejected or suspended
    location: Location | None = None
    verified: bool = False
    rating: Rating | None = None
    support_email: str = ""
    support_phone: str = ""
    away: Absence | None = None  # while it is
    # Within how many hours after it is paid it sends an order; None: as the market expects.
    handling_hours: int | None = None
    # Told to its team and staff: nothing of it is shown until it accepts the newest terms.
    listings_held: bool = False
    created_at: datetime


class Application(Model):
    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    contact_email: Annotated[str, Field(max_length=254)]
    business_type: Annotated[str, Field(max_length=80)] = ""


class VendorChange(Model):
    """None leaves what is there; `leaves_location` takes the location away."""

    name: Name | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    logo_id: UUID | None = None
    banner_id: UUID | None = None
    contact_email: Annotated[str, Field(max_length=254)] | None = None
    location: Location | None = None
    leaves_location: bool = False
    support_email: Annotated[str, Field(max_length=254)] | None = None  # "" takes it away
    support_phone: Annotated[str, Field(max_length=40)] | None = None
    business_type: Annotated[str, Field(max_length=80)] | None = None


class VendorApplied(Event, name="vendor.applied", key="vendor_id"):
    vendor_id: UUID
    person_id: UUID
    name: str


class VendorApproved(Event, name="vendor.approved", key="vendor_id"):
    vendor_id: UUID
    slug: str
    name: str
    country: str


class VendorRejected(Event, name="vendor.rejected", key="vendor_id"):
    vendor_id: UUID
    reason: str


class VendorSuspended(Event, name="vendor.suspended", key="vendor_id"):
    vendor_id: UUID
    reason: str


class VendorReinstated(Event, name="vendor.reinstated", key="vendor_id"):
    vendor_id: UUID


class VendorShown(Model):
    """What is shown of a vendor, and searched by, beside its name."""

    location: Location | None = None
    verified: bool = False
    rating: Rating | None = None


class VendorChanged(Event, name="vendor.changed", key="vendor_id"):
    """`shown` None: of a time before it was told."""

    vendor_id: UUID
    slug: str
    name: str
    country: str = ""
    shown: VendorShown | None = None


class Vendors(Presenting, Resting, Holding, Contract, name="vendors"):
    @command(scope="person")
    async def apply(self, ctx: Context, *, id: UUID, application: Application) -> Vendor:
        """The actor applies and becomes the owner of the team; staff review it."""

    @query()
    async def listed(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Vendor]:
        """Active vendors by name."""

    @query()
    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        """Those that exist, whatever their status, without private fields."""

    @query(scope="staff")
    async def named(
        self, ctx: Context, *, words: Annotated[str, Field(max_length=80)], limit: Limit = 8
    ) -> list[Vendor]:
        """Those with these words in their name, whatever their status, without private fields; the
        name that is or begins like this first."""

    @query()
    async def find(self, ctx: Context, *, slug: str) -> Vendor:
        """An active vendor by slug or id; its team and staff see it in any status."""

    @query(scope="staff:vendors")
    async def queue(
        self,
        ctx: Context,
        *,
        status: Status | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Vendor]: ...

    @command(scope="staff:vendors")
    async def decide(
        self,
        ctx: Context,
        *,
        id: UUID,
        decision: Literal["approve", "reject", "suspend", "reinstate"],
        reason: str = "",
    ) -> Vendor:
        """Moves the vendor; WrongVendorState when its status does not allow the decision.

        Rejecting and suspending need a reason. The same decision again changes nothing.
        """

    @command(scope="staff:vendors")
    async def set_commission(
        self,
        ctx: Context,
        *,
        id: UUID,
        commission_bp: Annotated[int, Field(ge=0, le=10_000)] | None,
    ) -> Vendor: ...

    @command(scope="staff:vendors", repeatable=True)
    async def verify(self, ctx: Context, *, id: UUID, verified: bool) -> Vendor:
        """Staff have looked at its papers, or take that back. NotFound."""

    @command(scope="internal", repeatable=True)
    async def set_rating(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        rating: Rating | None,
        version: Annotated[int, Field(ge=1)],
    ) -> None:
        """What customers think of it, from who keeps their reviews; the newest version stays.
        NotFound."""

    @command(scope="vendor:profile")
    async def change(self, ctx: Context, *, id: UUID, change: VendorChange) -> Vendor: ...

    @query(scope="internal")
    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        """Own rates of those that exist, each as it was at some moment of the last five seconds."""
