"""What something costs whom: tax, price lists of customer groups, currencies to show prices in."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import TaxCode
from haat.domains.goods.pricing.converting import Rounding, converted
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.model import Model
from haat.kernel.money import Currency, Money
from haat.kernel.page import Limit, Page

__all__ = [
    "BestPrice",
    "CurrencyRate",
    "CurrencyUnknown",
    "CustomerGroup",
    "GroupFull",
    "GroupUnknown",
    "ListsFull",
    "Member",
    "Name",
    "PriceAsk",
    "PriceEntry",
    "PriceList",
    "Pricing",
    "RateStep",
    "Rounding",
    "ShownPrice",
    "TaxDisplay",
    "TaxRate",
    "TaxableLine",
    "TaxedLine",
    "Tier",
    "Viewing",
    "converted",
]

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]
MinQuantity = Annotated[int, Field(ge=1, le=999)]
# "market": as the market's prices are; "excluded": without tax, as businesses compare.
TaxDisplay = Literal["market", "excluded"]


class GroupUnknown(Invalid, code="group_unknown"):
    """There is no such customer group."""


class CurrencyUnknown(Invalid, code="currency_unknown"):
    """Prices are not shown in that currency here."""


class ListsFull(Conflict, code="lists_full"):
    """There are at most 200 customer groups and 500 price lists."""


class GroupFull(Conflict, code="group_full"):
    """Together the customer groups have at most 200,000 members."""


class TaxRate(Model):
    """`rate_bp` basis points of tax on goods of `tax_class` delivered to `country`."""

    tax_class: TaxCode
    country: Country
    rate_bp: Annotated[int, Field(ge=0, le=10_000)]


class TaxableLine(Model):
    """`country`: where it is taxed, if not where the others are."""

    id: UUID
    tax_class: str
    amount: Money
    country: str | None = None


class TaxedLine(Model):
    """`tax` is inside `amount` when prices include tax, else it comes on top."""

    id: UUID
    rate_bp: int
    tax: Money


class CustomerGroup(Model):
    id: UUID
    name: Name
    tax_display: TaxDisplay = "market"


class Member(Model):
    person_id: UUID
    added_at: datetime


class PriceEntry(Model):
    """Either a price for one offer, or `off_bp` basis points off what a vendor sells, what stands
    in a category or below it, both, or everything. From `min_quantity` pieces on."""

    offer_id: UUID | None = None
    price: Money | None = None
    vendor_id: UUID | None = None
    category_id: UUID | None = None
    off_bp: Annotated[int, Field(ge=1, le=9_999)] | None = None
    min_quantity: MinQuantity = 1


class PriceList(Model):
    """What a group pays from `starts_at` until `ends_at`; None: without that end."""

    id: UUID
    group_id: UUID
    name: Name
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True
    entries: Annotated[list[PriceEntry], Field(max_length=5_000)] = []


class PriceAsk(Model):
    """An offer at what it costs everybody, to be priced for somebody."""

    offer_id: UUID
    vendor_id: UUID
    category_path: list[UUID] = []
    tax_class: str = "standard"
    quantity: int = 1
    price: Money
    compare_at: Money | None = None
    lowest_before: Money | None = None


class BestPrice(Model):
    """What it costs, in the market's currency. `note` says by which list ("Wholesale −10 %");
    '' where it costs what it costs everybody."""

    offer_id: UUID
    price: Money
    note: str = ""


class Tier(Model):
    """What one costs from so many on."""

    min_quantity: int
    price: Money


class ShownPrice(Model):
    """What it costs, and how that is shown. `charged` is in the market's currency; the others are
    as they are shown: with or without tax, in the chosen currency. `usual`: what it costs
    everybody, where a list makes it cheaper."""

    offer_id: UUID
    charged: Money
    price: Money
    usual: Money | None = None
    compare_at: Money | None = None
    lowest_before: Money | None = None
    note: str = ""
    tiers: list[Tier] = []


class Viewing(Model):
    """How prices are shown to who asks. `plain`: all of them as they stand in the catalogue.

    `tax` is "included" or "excluded", `tax_word` what it is called there; `rates` are the tax
    rates there, by class; `rate` is what one unit of the market's currency is in `currency`."""

    plain: bool
    has_lists: bool
    market_currency: str
    currency: str
    currencies: list[str] = []  # what can be chosen beside the market's own
    rate: str = "1"
    rounding: Rounding = "minor"
    country: str
    tax: Literal["included", "excluded"]
    tax_word: str
    strip_tax: bool = False  # prices are kept with tax and shown without
    rates: dict[str, int] = {}

    @property
    def is_converted(self) -> bool:
        """Whether amounts are about what is charged: in another currency."""
        return self.currency != self.market_currency

    @property
    def tax_label(self) -> str:
        """What stands beside a price: "incl. VAT", "plus VAT"."""
        return f"{'incl.' if self.tax == 'included' else 'plus'} {self.tax_word}"

    @property
    def labels_prices(self) -> bool:
        """Whether every price says so: wherever tax is inside it, or is called VAT or GST. A sales
        tax that comes on top is what people expect."""
        return self.tax == "included" or self.strip_tax or self.tax_word != "tax"

    def about(self, amount: Money) -> Money:
        """An amount in the market's currency, in the chosen one."""
        if amount.currency == self.currency or amount.currency != self.market_currency:
            return amount
        return converted(amount, Fraction(self.rate), self.currency, self.rounding)


class CurrencyRate(Model):
    """Prices can be shown in `code`: one unit of the market's currency is `rate` of its units, a
    decimal number as text. `source` says whose rate that is."""

    code: Currency
    rate: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
    rounding: Rounding = "minor"
    enabled: bool = True
    source: Annotated[str, Field(max_length=120)] = ""
    rated_at: datetime | None = None  # when not given: now


class RateStep(Model):
    """A rate that was set, by whom."""

    code: str
    rate: str
    rounding: Rounding
    enabled: bool
    source: str
    rated_at: datetime
    set_at: datetime
    person_id: UUID | None = None


class Pricing(Contract, name="pricing"):
    @query(scope="internal")
    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        """Tax per line, rounded half up per line; a class without a rate there is untaxed."""

    @query()
    async def rates(self, ctx: Context) -> list[TaxRate]: ...

    @command(scope="staff:settings")
    async def set_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate:
        """TaxClassUnknown for a class the catalogue does not have."""

    # --- what it costs whom ----------------------------------------------------------------

    @query(scope="internal")
    async def best(
        self,
        ctx: Context,
        *,
        person_id: UUID,
        asks: Annotated[list[PriceAsk], Field(max_length=500)],
    ) -> list[BestPrice]:
        """What each costs this person now: the lowest that a list gives, or everybody's price.
        That is what is charged."""

    @query()
    async def viewing(
        self, ctx: Context, *, country: str | None = None, currency: str | None = None
    ) -> Viewing:
        """How prices are shown to the acting person, or a guest. CurrencyUnknown."""

    @query()
    async def shown(
        self,
        ctx: Context,
        *,
        asks: Annotated[list[PriceAsk], Field(max_length=2_000)],
        country: str | None = None,
        currency: str | None = None,
        as_charged: bool = False,
    ) -> list[ShownPrice]:
        """The same for these offers, as they are shown. CurrencyUnknown. `as_charged`: as a quote
        says them, with or without tax as the market's prices are, in its currency."""

    # --- groups and lists ------------------------------------------------------------------

    @query(scope="staff:settings")
    async def groups(self, ctx: Context) -> list[CustomerGroup]: ...

    @command(scope="staff:settings")
    async def save_group(self, ctx: Context, *, group: CustomerGroup) -> CustomerGroup:
        """Adds or changes it. ListsFull."""

    @command(scope="staff:settings")
    async def drop_group(self, ctx: Context, *, id: UUID) -> None:
        """With its members and lists. Harmless when repeated."""

    @query(scope="staff:settings")
    async def members(
        self, ctx: Context, *, group_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Member]:
        """By person."""

    @command(scope="staff:settings")
    async def add_members(
        self,
        ctx: Context,
        *,
        group_id: UUID,
        person_ids: Annotated[list[UUID], Field(max_length=1_000)],
    ) -> None:
        """GroupUnknown, GroupFull. Who is in it already stays."""

    @command(scope="staff:settings")
    async def drop_member(self, ctx: Context, *, group_id: UUID, person_id: UUID) -> None: ...

    @query(scope="staff:settings")
    async def lists(self, ctx: Context) -> list[PriceList]:
        """All of them by name, without their entries."""

    @query(scope="staff:settings")
    async def price_list(self, ctx: Context, *, id: UUID) -> PriceList:
        """NotFound."""

    @command(scope="staff:settings")
    async def save_list(self, ctx: Context, *, price_list: PriceList) -> PriceList:
        """Adds it or puts it in the place of the one with its id: used at once. GroupUnknown,
        ListsFull; Invalid at `endsAt` or at an entry."""

    @command(scope="staff:settings")
    async def drop_list(self, ctx: Context, *, id: UUID) -> None: ...

    # --- currencies ------------------------------------------------------------------------

    @query()
    async def currencies(self, ctx: Context) -> list[CurrencyRate]:
        """What prices can be shown in, beside the market's own currency; staff see all."""

    @command(scope="staff:settings")
    async def save_currency(self, ctx: Context, *, currency: CurrencyRate) -> CurrencyRate:
        """Adds it or sets its rate: used at once. Invalid at `code`, `rate` or `rounding`."""

    @query(scope="staff:settings")
    async def currency_history(
        self, ctx: Context, *, code: str | None = None, limit: Limit = 50, cursor: str | None = None
    ) -> Page[RateStep]:
        """The rates that were set, the last one first."""
