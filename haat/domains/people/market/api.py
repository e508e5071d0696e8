"""The market itself: its name, currency, country and rules that staff may change."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Unavailable
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Currency

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
OrderPrefix = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,6}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]
# Whether a vendor may sell what another vendor's product page shows: "own": never; "shared": one
# product for one thing, sold by whoever has it; "both": vendors attach offers or make their own.
OffersPolicy = Literal["shared", "own", "both"]
PicturesMax = Annotated[int, Field(ge=1, le=100)]
HandlingHours = Annotated[int, Field(ge=1, le=720)]


class NotOpened(Unavailable, code="market_not_opened"):
    """This market is not set up yet: open its first-run page."""


class AlreadyOpened(Conflict, code="market_already_opened"):
    """This market is set up already."""


class MarketSettings(Model):
    """One row for the whole installation. `currency` never changes once the market is open."""

    name: Name
    currency: Currency
    country: Country
    logo_id: UUID | None = None
    demo: bool = False
    prices_include_tax: bool = False
    commission_bp: Annotated[int, Field(ge=0, le=10_000)] = 300  # basis points: 300 is 3 %
    return_window_minutes: Annotated[int, Field(ge=0, le=525_600)] = 20_160  # 14 days
    order_prefix: OrderPrefix = "H"  # of the numbers of orders to come
    support_email: str | None = None
    offers_policy: OffersPolicy = "both"
    pictures_max: PicturesMax = 20  # of one product
    # Within how many hours after it is paid a vendor sends an order, unless it says otherwise.
    handling_hours: HandlingHours = 48
    lowest_price: bool = True  # beside a reduction stands the lowest price of 30 days before it


class SettingsChange(Model):
    """What staff may change; None leaves a value as it is."""

    name: Name | None = None
    logo_id: UUID | None = None
    prices_include_tax: bool | None = None
    commission_bp: Annotated[int, Field(ge=0, le=10_000)] | None = None
    return_window_minutes: Annotated[int, Field(ge=0, le=525_600)] | None = None
    order_prefix: OrderPrefix | None = None
    support_email: str | None = None
    offers_policy: OffersPolicy | None = None
    pictures_max: PicturesMax | None = None
    lowest_price: bool | None = None
    handling_hours: HandlingHours | None = None


class MarketOpened(Event, name="market.opened", key="name"):
    name: str
    currency: str
    country: str


class MarketChanged(Event, name="market.changed", key="name"):
    name: str
    settings: MarketSettings


class Market(Contract, name="market"):
    @query()
    async def settings(self, ctx: Context) -> MarketSettings:
        """NotOpened before the first-run page or the demo seed has set the market up."""

    @query()
    async def is_open(self, ctx: Context) -> bool: ...

    @command(scope="internal")
    async def open(self, ctx: Context, *, settings: MarketSettings) -> MarketSettings:
        """Sets the market up, once; AlreadyOpened afterwards."""

    @command(scope="staff:settings", proof=True)
    async def change(self, ctx: Context, *, change: SettingsChange) -> MarketSettings: ...
