"""Receipts: a paid order's document that never changes, a credit note for each refund, and the slip
a vendor packs by. docs/flows/orders.md"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.money.statements.api import Document
from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import Totals
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.personal import EmailText

Ref = Annotated[str, Field(max_length=60)]
Link = Annotated[str, Field(max_length=500)]


class NotPaidYet(Conflict, code="receipt_not_paid"):
    """There is a receipt as soon as the order is paid, and none for one that never was."""


class NotGivenBack(Conflict, code="refund_not_done"):
    """There is a credit note as soon as the money has gone back."""


class ReceiptLine(Model):
    title: str
    sku: str
    quantity: int
    unit_price: Money
    amount: Money
    tax_bp: int
    tax: Money


class ReceiptPart(Model):
    """One vendor's part. `total` is goods and shipping, and tax where it comes on top."""

    number: str
    vendor_name: str
    lines: list[ReceiptLine]
    shipping_method: str
    shipping: Money
    shipping_tax_bp: int
    shipping_tax: Money
    total: Money


class TaxLine(Model):
    """All that was taxed at one rate; `base` is without the tax."""

    rate_bp: int
    base: Money
    tax: Money


class PaidBy(Model):
    label: str
    amount: Money


class Receipt(Model):
    """What a receipt says. Refunds do not change it: each has a credit note of its own."""

    order_id: UUID
    number: str  # "H-100001-R"
    order_number: str
    placed_at: datetime
    paid_at: datetime
    market: str
    contact: str  # the market's address for questions; may be empty
    email: EmailText
    bill_to: Address
    ship_to: Address
    prices_include_tax: bool
    parts: list[ReceiptPart]
    taxes: list[TaxLine]
    totals: Totals
    payments: list[PaidBy]


class CreditedLine(Model):
    title: str
    quantity: int


class CreditNote(Model):
    """What was given back of an order, once."""

    refund_id: UUID
    number: str  # "H-100001-C1"
    receipt_number: str
    order_number: str
    part_number: str
    vendor_name: str
    at: datetime
    market: str
    contact: str
    bill_to: Address
    lines: list[CreditedLine]
    shipping: Money | None
    amount: Money
    reason: str
    repaid: list[PaidBy]


class ReceiptRequested(Event, name="receipt.requested", key="order_id"):
    """Somebody who may see it wants the receipt by mail, once more."""

    order_id: UUID
    number: str  # the order's
    person_id: UUID | None


class Receipts(Contract, name="receipts"):
    """`ref` is an order's id or number, of one's own (any, for staff); or `link` the token of a
    guest's signed link. NotFound, LinkInvalid, NotPaidYet."""

    @command(timeout_s=20)
    async def receipt(self, ctx: Context, *, ref: Ref = "", link: Link = "") -> Receipt:
        """What it says; it is written down when it is first asked for."""

    @command(timeout_s=30)
    async def receipt_file(self, ctx: Context, *, ref: Ref = "", link: Link = "") -> Document:
        """The same as PDF: the same bytes each time."""

    @command(timeout_s=20)
    async def credit_notes(
        self, ctx: Context, *, ref: Ref = "", link: Link = ""
    ) -> list[CreditNote]:
        """Of what has gone back, oldest first."""

    @command(timeout_s=30)
    async def credit_note_file(
        self, ctx: Context, *, refund_id: UUID, ref: Ref = "", link: Link = ""
    ) -> Document:
        """NotGivenBack while the money is on its way."""

    @query(scope="vendor:orders", timeout_s=30)
    async def packing_slip(self, ctx: Context, *, id: UUID) -> Document:
        """What goes into the parcel of a vendor order of one's own: goods without prices."""

    @command(timeout_s=20)
    async def send(self, ctx: Context, *, ref: Ref = "", link: Link = "") -> None:
        """Mails the receipt to where the order's confirmation went; at most once a minute."""
