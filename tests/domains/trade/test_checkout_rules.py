"""Every cent of a quote is accounted for, whatever is in it; states move one way."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import OfferLine
from haat.domains.goods.inventory.api import Available, OutOfStock
from haat.domains.goods.pricing.api import TaxedLine
from haat.domains.money.commissions.api import Assessment, Terms
from haat.domains.trade.cart.api import NotBuyable
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import BuyLine, Quote
from haat.domains.trade.orders import rules as order_rules
from haat.domains.trade.shipping.api import Option, VendorOptions
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import MINOR_MAX, share
from tests.domains.trade.buying import ADDRESS
from tests.domains.trade.tills import NOW, usd

QUOTE = UUID(int=7)
VENDORS = [UUID(int=100 + n) for n in range(3)]


def offer(n: int, price: int = 1000, *, vendor: int = 0, buyable: bool = True) -> OfferLine:
    return OfferLine(
        offer_id=UUID(int=n),
        variant_id=UUID(int=1000 + n),
        product_id=UUID(int=2000 + n),
        product_slug=f"p{n}",
        vendor_id=VENDORS[vendor],
        category_id=None,
        title=f"P{n}",
        variant_title="",
        sku=f"S{n}",
        price=usd(price),
        tax_class="standard",
        weight_g=10,
        buyable=buyable,
    )


goods = st.lists(
    st.tuples(
        st.integers(0, 10_000_000),  # price
        st.integers(1, 999),  # quantity
        st.integers(0, 2),  # vendor
        st.integers(0, 10_000),  # tax, basis points
        st.integers(0, 10_000),  # commission, basis points
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(lines=goods, shipping=st.integers(0, 100_000), bp=st.integers(0, 10_000), inclusive=...)
def test_every_cent_is_accounted(
    lines: list[tuple[int, int, int, int, int]], shipping: int, bp: int, inclusive: bool
) -> None:
    offers = [offer(n, price, vendor=v) for n, (price, _, v, _, _) in enumerate(lines)]
    wanted = {UUID(int=n): quantity for n, (_, quantity, _, _, _) in enumerate(lines)}
    made = rules.basket(QUOTE, wanted, offers, "USD", inclusive=inclusive)
    option = Option(method_id=UUID(int=1), name="S", price=usd(shipping), days_min=1, days_max=2)
    options = [VendorOptions(vendor_id=v, options=[option]) for v in VENDORS]
    rules.choose_shipping(made.parts, options, {})
    rate = {derive(QUOTE, f"line:{UUID(int=n)}"): x[3] for n, x in enumerate(lines)}
    cut = {derive(QUOTE, f"line:{UUID(int=n)}"): x[4] for n, x in enumerate(lines)}
    taxes = {}
    for line in made.taxable("DE"):
        of = rate.get(line.id, bp)
        on_top = share(line.amount.minor, of)
        inside = line.amount.minor - line.amount.minor * 10_000 // (10_000 + of)
        taxes[line.id] = TaxedLine(id=line.id, rate_bp=of, tax=usd(inside if inclusive else on_top))
    commissions = {}
    for sale in made.sales(taxes, NOW):
        commission = sale.base.share(cut.get(sale.id, bp))
        on_it = min(commission.share(bp).minor, sale.base.minor - commission.minor)
        terms = Terms(source="default", base_minor=sale.base.minor)
        commissions[sale.id] = Assessment(
            id=sale.id, commission=commission, commission_tax=usd(on_it), terms=terms
        )
    groups = [rules.group(made, part, taxes, commissions) for part in made.parts]
    quote = Quote(
        id=QUOTE,
        cart_id=None,
        person_id=None,
        email="a@example.org",
        ship_to=ADDRESS,
        bill_to=ADDRESS,
        prices_include_tax=inclusive,
        groups=groups,
        totals=rules.totals(groups, "USD"),
        created_at=NOW,
        expires_at=NOW,
    )
    assert rules.wrong_sum(quote) is None
    draft = rules.draft(quote)
    assert order_rules.discrepancy(draft) is None
    assert sum(len(one.lines) for one in groups) == len(lines)
    assert all(one.net.minor >= 0 for one in groups)
    gross = sum(
        (one.net + one.commission + one.commission_tax + one.totals.tax).minor for one in groups
    )
    assert gross == quote.totals.total.minor
    # What was stored is read back the same, to the cent.
    assert Quote.model_validate_json(quote.model_dump_json()) == quote
    broken = quote.model_copy(update={"totals": quote.totals.model_copy(update={"tax": usd(-1)})})
    assert rules.wrong_sum(broken) is not None


def test_the_same_offer_twice_is_one_line() -> None:
    a, b = UUID(int=1), UUID(int=2)
    found = rules.merged([BuyLine(offer_id=x, quantity=q) for x, q in ((a, 2), (b, 1), (a, 3))])
    assert list(found.items()) == [(a, 5), (b, 1)]
    with pytest.raises(Invalid) as caught:
        rules.merged([BuyLine(offer_id=a, quantity=999), BuyLine(offer_id=a, quantity=1)])
    assert caught.value.fields[0].path == "items.1.quantity"


def test_what_cannot_be_bought_is_named() -> None:
    wanted = {UUID(int=n): 1 for n in range(3)}
    offers = [offer(0), offer(1, buyable=False)]
    with pytest.raises(NotBuyable) as caught:
        rules.need_buyable(wanted, offers, "USD")
    assert caught.value.data["offers"] == [str(UUID(int=1)), str(UUID(int=2))]
    with pytest.raises(NotBuyable):
        rules.need_buyable({UUID(int=0): 1}, offers, "EUR")
    with pytest.raises(OutOfStock) as short:
        rules.need_stock(wanted, [Available(offer_id=UUID(int=n), available=n) for n in (0, 1)])
    lacking = {one["offerId"]: one["available"] for one in short.value.data["offers"]}
    assert lacking == {str(UUID(int=0)): 0, str(UUID(int=2)): 0}


def test_a_sum_beyond_money_is_refused() -> None:
    with pytest.raises(Invalid):
        rules.basket(
            QUOTE, {UUID(int=0): 999}, [offer(0, MINOR_MAX // 100)], "USD", inclusive=False
        )


def test_shipping_beyond_money_is_refused() -> None:
    """A vendor may ask what it likes for shipping; that is no fault of ours."""
    made = rules.basket(QUOTE, {UUID(int=0): 1}, [offer(0)], "USD", inclusive=False)
    dear = Option(method_id=UUID(int=1), name="S", price=usd(MINOR_MAX), days_min=1, days_max=2)
    with pytest.raises(Invalid) as refused:
        rules.choose_shipping(made.parts, [VendorOptions(vendor_id=VENDORS[0], options=[dear])], {})
    assert refused.value.code == "order_too_large"


@pytest.mark.parametrize(
    "email", ["", "ada", "@example.org", "ada@", "ada@example", "a b@example.org", "a@b..org"]
)
def test_what_is_no_email(email: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.checked_email(email)
    assert caught.value.fields[0].path == "email"


def test_what_is_an_email() -> None:
    assert rules.checked_email(" Ada.Low+x@mail.example.org ") == "Ada.Low+x@mail.example.org"


def test_what_has_ended_never_moves() -> None:
    states = rules.OPEN | rules.ENDED
    for old, new in product(states, states):
        assert rules.may_move(old, new) == (
            old in rules.OPEN and (new != "reserving" or old == "reserving")
        )


def test_waiting_grows_and_ends_growing() -> None:
    seconds = [rules.retry_after(n).total_seconds() for n in range(1, 10)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (2, 60)
