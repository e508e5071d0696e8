"""Commission rules: an ordered list, the first match wins, frozen on the line at sale."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import MINOR_MAX, Money
from haat.kernel.page import Limit, Page

BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Minor = Annotated[int, Field(ge=0, le=MINOR_MAX)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class ListChanged(Conflict, code="commission_list_changed"):
    """The list is not a draft any more, or somebody else changed it; read it again."""


class Rule(Model):
    """One rule. Every condition that is given must hold; none given matches everything.

    `category_ids` hold for products in those categories and, when `with_subcategories`, below them.
    `price_from` ≤ unit price < `price_to` (minor units of the market's currency).
    `valid_from` ≤ time of sale < `valid_to`. The commission is `rate_bp` of the base, rounded half
    up, plus `fixed_minor` per unit sold, then at least `floor_minor` and at most `cap_minor` (both
    per line), never more than what leaves commission and its tax within the base.
    """

    id: UUID
    name: Annotated[str, Field(min_length=1, max_length=120)]
    vendor_ids: Annotated[list[UUID], Field(max_length=500)] = []
    category_ids: Annotated[list[UUID], Field(max_length=500)] = []
    with_subcategories: bool = True
    product_ids: Annotated[list[UUID], Field(max_length=500)] = []
    price_from: Minor | None = None
    price_to: Minor | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    applies_to: Literal["goods", "shipping", "both"] = "goods"
    rate_bp: BasisPoints = 0
    fixed_minor: Minor = 0
    floor_minor: Minor | None = None
    cap_minor: Minor | None = None


class RuleWarning(Model):
    """Something strange about a rule that does not keep a list from being used. shadowed: a rule
    before it takes every sale that it would."""

    rule_id: UUID
    code: Literal["shadowed"]
    text: str


class RuleList(Model):
    """`tax_bp` is the tax on the commission itself (a service the market sells to the vendor), on
    top of it and borne by the vendor. What no rule matches pays the vendor's own rate (goods only),
    else the market's default (goods only); shipping that no rule matches pays nothing.
    `version` changes with every edit of a draft. `reason` and `activated_by`: why and by whom it
    was switched on. `warnings` are filled where one list is asked for."""

    id: UUID
    status: Literal["draft", "active", "retired"]
    rules: Annotated[list[Rule], Field(max_length=200)]
    tax_bp: BasisPoints = 0
    note: str = ""
    version: int = 1
    created_at: datetime
    created_by: UUID | None = None
    active_from: datetime | None = None
    active_to: datetime | None = None
    activated_by: UUID | None = None
    reason: str = ""
    warnings: list[RuleWarning] = []


class Sale(Model):
    """What commission is asked for: a line of goods, or a vendor order's shipping.

    `base` is the line's amount without tax; `at` is the time of sale. `category_path` holds the
    product's own category first, then its parents up to the root; shipping has none.
    """

    id: UUID
    kind: Literal["goods", "shipping"] = "goods"
    vendor_id: UUID
    product_id: UUID | None = None
    category_path: list[UUID] = []
    unit_price: Money
    quantity: int = 1
    base: Money
    at: datetime


class Terms(Model):
    """How a commission was found; frozen on the line at sale and never recomputed.

    `source`: which rule (`rule_id`), or the vendor's own rate, the market's default, or none.
    """

    source: Literal["rule", "vendor_rate", "default", "none"]
    list_id: UUID | None = None
    rule_id: UUID | None = None
    rule_name: str = ""
    rate_bp: int = 0
    fixed_minor: int = 0
    floor_minor: int | None = None
    cap_minor: int | None = None
    base_minor: int = 0
    tax_bp: int = 0
    rounding: Literal["half_up"] = "half_up"


class Assessment(Model):
    id: UUID
    commission: Money
    commission_tax: Money
    terms: Terms


class Tried(Model):
    """One rule in an explanation: `failed` is the condition that did not hold, None for the one
    that won; rules after the winner are not tried."""

    rule_id: UUID | None
    rule_name: str
    failed: Literal["vendor", "category", "product", "price", "period", "kind"] | None
    why: str


class Explanation(Model):
    assessment: Assessment
    tried: list[Tried]
    sums: str  # "12 % of 40.00 = 4.80, at least 5.00 → 5.00; tax 20 % = 1.00"


class CommissionListActivated(Event, name="commission.list_activated", key="list_id"):
    list_id: UUID
    rules: int
    note: str


class Commissions(Contract, name="commissions"):
    @query(scope="internal")
    async def assess(
        self, ctx: Context, *, sales: list[Sale], list_id: UUID | None = None
    ) -> list[Assessment]:
        """In the order asked, by the active list, or by `list_id` (a dry run; NotFound).

        The active list is the one that was active at some moment of the last second."""

    @query(scope="staff:money")
    async def explain(
        self, ctx: Context, *, sale: Sale, list_id: UUID | None = None
    ) -> Explanation:
        """Which rule wins for such a sale and why the ones before it did not."""

    @query(scope="staff:money")
    async def lists(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[RuleList]:
        """Newest first: the history of all lists."""

    @query(scope="staff:money")
    async def rule_list(self, ctx: Context, *, id: UUID | None = None) -> RuleList | None:
        """One list (NotFound), or the active one; None when none is active yet."""

    @command(scope="staff:money")
    async def draft(
        self,
        ctx: Context,
        *,
        id: UUID,
        rules: Annotated[list[Rule], Field(max_length=200)],
        tax_bp: BasisPoints = 0,
        note: Annotated[str, Field(max_length=500)] = "",
        version: int | None = None,
    ) -> RuleList:
        """Writes a new draft, or changes the one with this id when `version` is still its version.
        ListChanged. Invalid at the rule's path for one that can never match or contradicts
        itself (price_from ≥ price_to, floor > cap, an unknown vendor, category or product …)."""

    @command(scope="staff:money", proof=True)
    async def activate(self, ctx: Context, *, id: UUID, version: int, reason: Reason) -> RuleList:
        """From now on this list holds; the one before is retired. Sales made keep their terms.
        ListChanged. Harmless when it is active already."""

    @command(scope="staff:money")
    async def discard(self, ctx: Context, *, id: UUID) -> None:
        """A draft is thrown away; ListChanged for a list that was ever active. Harmless when it is
        gone already."""
