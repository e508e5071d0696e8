"""What goods cost who asks: however many stand in a document, two calls."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from haat.domains.goods.catalog.api import Catalog, Listing, Offer, OfferLine, Product, Variant
from haat.domains.goods.pricing.api import PriceAsk, PriceEntry, Pricing, ShownPrice, Viewing
from haat.domains.goods.pricing.rules import shown
from haat.gateways.views.own import CartAsk, Wanted, own_prices
from haat.kernel.clock import SystemClock
from haat.kernel.context import Context
from haat.kernel.money import Money

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CTX = Context(clock=SystemClock())
VENDOR = uuid4()
VIEWING = Viewing(
    plain=False, has_lists=True, market_currency="USD", currency="USD", country="US",
    tax="excluded", tax_word="tax",
)  # fmt: skip


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class Shelves:
    """The catalogue and pricing of a member who pays 7.00 for one offer, a tenth less for three
    pieces; `calls` were made."""

    def __init__(self, prices: dict[UUID, int], special: UUID) -> None:
        self.prices, self.calls = prices, list[str]()
        self.entries = [
            ("List", PriceEntry(offer_id=special, price=usd(700))),
            ("Bulk", PriceEntry(off_bp=1_000, min_quantity=3)),
        ]

    async def offers(self, ctx: Any, *, ids: list[UUID]) -> list[OfferLine]:
        self.calls.append("offers")
        return [
            OfferLine(
                offer_id=id,
                variant_id=id,
                product_id=id,
                product_slug="x",
                vendor_id=VENDOR,
                category_id=None,
                title="x",
                variant_title="",
                sku="x",
                price=usd(self.prices[id]),
                tax_class="standard",
                weight_g=1,
                buyable=True,
            )
            for id in ids
        ]

    async def shown(
        self, ctx: Any, *, asks: list[PriceAsk], as_charged: bool = False
    ) -> list[ShownPrice]:
        assert as_charged
        self.calls.append("shown")
        return [shown(ask, self.entries, VIEWING) for ask in asks]


def listing(*offers: UUID, low: int, high: int) -> Listing:
    return Listing(
        id=uuid4(), slug="x", title="x", vendor_id=VENDOR, category_id=None, status="active",
        price_from=usd(low), price_to=usd(high), offer_ids=list(offers), created_at=NOW,
    )  # fmt: skip


async def test_a_document_costs_two_calls() -> None:
    cheap, dear, other = uuid4(), uuid4(), uuid4()
    shelves = Shelves({cheap: 800, dear: 900, other: 500}, special=dear)
    doors: Any = {Catalog: shelves, Pricing: shelves}
    both = listing(cheap, dear, low=800, high=900)
    lists = [both, *(listing(other, low=500, high=500) for _ in range(50))]
    offer = Offer(id=dear, variant_id=dear, vendor_id=VENDOR, sku="x", price=usd(900))
    product = Product(
        id=uuid4(), slug="x", vendor_id=VENDOR, title="x", description_html="", category_id=None,
        status="active", variants=[Variant(id=dear, title="", offers=[offer])],
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    items = [
        CartAsk(offer_id=cheap, quantity=3, price=usd(1_000)),
        CartAsk(offer_id=other, quantity=1, price=None),
    ]
    found = await own_prices(doors, CTX, Wanted(listings=lists, products=[product], items=items))
    assert shelves.calls == ["offers", "shown"]
    assert set(found.listings) == {both.id}, "the others cost everybody the same"
    own = found.listings[both.id]
    # Its list makes the dearer offer the cheapest.
    assert (own.price, own.price_to) == (usd(700), usd(800))
    assert (own.usual, own.note) == (usd(900), "List price")
    assert {id: one.price for id, one in found.offers.items()} == {dear: usd(700)}
    assert {id: one.price for id, one in found.items.items()} == {cheap: usd(900)}
