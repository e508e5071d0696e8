"""The look at listings: changes asked for, taken down, talked about, approved by rule."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.api import (
    ApprovalRule,
    CategoryUnknown,
    Product,
    WrongProductState,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.rating import Rating
from tests.domains.goods.doubles import draft, emitted, guest, staff
from tests.domains.goods.test_offers import Bazaar, bazaar

__all__ = ["bazaar"]


async def waiting(bazaar: Bazaar, price: int = 1000, **more: Any) -> Product:
    wanted = draft("Waiting", (uuid4().hex,), prices=[price], **more)
    made = await bazaar.catalog.create(bazaar.me, id=uuid4(), vendor_id=bazaar.owner, draft=wanted)
    return await bazaar.catalog.submit(bazaar.me, id=made.id)


async def test_changes_are_asked_for(bazaar: Bazaar) -> None:
    product = await waiting(bazaar)
    with pytest.raises(Invalid):
        await bazaar.catalog.decide(staff(), id=product.id, decision="request_changes")
    await emitted(bazaar.db)
    for _ in range(2):
        asked = await bazaar.catalog.decide(
            staff(), id=product.id, decision="request_changes", reason="a better picture"
        )
    assert (asked.status, asked.reason) == ("changes_requested", "a better picture")
    [(name, told)] = await emitted(bazaar.db)
    assert (name, told["kind"]) == ("product.rejected", "changes_requested")
    with pytest.raises(WrongProductState):
        await bazaar.catalog.decide(staff(), id=product.id, decision="approve")
    wanted = draft_of(asked).model_copy(update={"title": "Better"})
    await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)
    again = await bazaar.catalog.submit(bazaar.me, id=product.id)
    assert (again.status, again.reason) == ("pending", None)


async def test_taken_down_at_once(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    offer = await bazaar.attach(product)
    await emitted(bazaar.db)
    with pytest.raises(Invalid):
        await bazaar.catalog.decide(staff(), id=product.id, decision="take_down", reason=" ")
    down = await bazaar.catalog.decide(
        staff(), id=product.id, decision="take_down", reason="a fake"
    )
    assert (down.status, down.reason) == ("rejected", "a fake")
    assert await bazaar.card(product) is None
    assert await bazaar.buyable(product.variants[0].offers[0].id, offer.id) == [False, False]
    with pytest.raises(NotFound):
        await bazaar.catalog.product(guest(), ref=product.slug)
    told = dict(await emitted(bazaar.db))
    assert told["product.rejected"]["kind"] == "taken_down"
    assert told["product.index.requested"]["listing"] is None
    page = await bazaar.catalog.history(staff(), product_id=product.id, limit=1)
    assert page.items[0].what == "take_down"
    assert page.items[0].changes["status"] == ["active", "rejected"]
    archived = await bazaar.catalog.archive(bazaar.me, id=product.id)
    with pytest.raises(WrongProductState):
        await bazaar.catalog.decide(staff(), id=archived.id, decision="take_down", reason="x")


async def test_notes(bazaar: Bazaar) -> None:
    product = await waiting(bazaar)
    catalog, clerk = bazaar.catalog, staff()
    id = uuid4()
    for _ in range(2):
        await catalog.add_note(clerk, id=id, product_id=product.id, text=" odd ", external=False)
    await catalog.add_note(clerk, id=uuid4(), product_id=product.id, text="Which colour?")
    answer = await catalog.add_note(
        bazaar.me, id=uuid4(), product_id=product.id, text="Red", external=False
    )
    assert (answer.by, answer.external) == ("vendor", True)
    seen = await catalog.notes(clerk, product_id=product.id)
    assert [(n.text, n.by, n.external) for n in seen] == [
        ("odd", "staff", False),
        ("Which colour?", "staff", True),
        ("Red", "vendor", True),
    ]
    own = await catalog.notes(bazaar.me, product_id=product.id)
    assert [n.text for n in own] == ["Which colour?", "Red"]
    other = await waiting(bazaar)
    with pytest.raises(NotFound):
        await catalog.add_note(clerk, id=id, product_id=other.id, text="x")
    with pytest.raises(NotFound):
        await catalog.notes(bazaar.they, product_id=product.id)
    with pytest.raises(NotFound):
        await catalog.add_note(bazaar.they, id=uuid4(), product_id=product.id, text="x")
    for wrong in (" ", "a\0b"):
        with pytest.raises(Invalid):
            await catalog.add_note(clerk, id=uuid4(), product_id=product.id, text=wrong)


async def test_what_a_rule_approves_is_on_sale_at_once(bazaar: Bazaar) -> None:
    catalog = bazaar.catalog
    top = await catalog.save_category(staff(), id=uuid4(), name=f"T {uuid4().hex}")
    below = await catalog.save_category(
        staff(), id=uuid4(), name=f"B {uuid4().hex}", parent_id=top.id
    )
    rule = ApprovalRule(
        id=uuid4(), vendor_id=bazaar.owner, category_id=top.id, price_min=500, price_max=2000
    )
    assert await catalog.save_approval_rule(staff(), rule=rule) == rule
    assert rule in await catalog.approval_rules(staff())
    assert (await waiting(bazaar, category_id=below.id)).status == "active"
    assert (await waiting(bazaar, 2001, category_id=below.id)).status == "pending"
    assert (await waiting(bazaar)).status == "pending"
    product = await waiting(bazaar, 500, category_id=top.id)
    assert await bazaar.card(product) == (500, 1, bazaar.owner)
    page = await catalog.history(staff(), product_id=product.id)
    assert [one.what for one in page.items] == ["auto_approve", "submit", "create"]
    for _ in range(2):
        await catalog.drop_approval_rule(staff(), id=rule.id)
    assert (await waiting(bazaar, category_id=below.id)).status == "pending"
    wrong = rule.model_copy(update={"price_max": 1})
    lost = rule.model_copy(update={"category_id": uuid4()})
    with pytest.raises(Invalid):
        await catalog.save_approval_rule(staff(), rule=wrong)
    with pytest.raises(CategoryUnknown):
        await catalog.save_approval_rule(staff(), rule=lost)


@pytest.mark.parametrize(
    ("rule", "approves"),
    [
        ({}, True),
        ({"vendor_id": UUID(int=1)}, True),
        ({"vendor_id": UUID(int=2)}, False),
        ({"category_id": UUID(int=5)}, True),
        ({"category_id": UUID(int=6)}, False),
        ({"price_min": 1000, "price_max": 1100}, True),
        ({"price_min": 1001}, False),
        ({"price_max": 1099}, False),
    ],
)
def test_rules(rule: dict[str, Any], approves: bool) -> None:
    from tests.domains.goods.doubles import START

    wanted = rules.check_draft(draft("T", ("A", "B")), "USD")  # 1000 and 1100
    vendor, id = UUID(int=1), UUID(int=9)
    product = Product(
        id=id, slug="t", vendor_id=vendor, title="T", description_html="", category_id=UUID(int=5),
        status="pending", created_at=START, updated_at=START,
        variants=rules.variants_of(id, vendor, wanted, [], lambda name: uuid4()),
    )  # fmt: skip
    made = ApprovalRule(id=UUID(int=3), **rule)
    found = rules.approving([made], product, [UUID(int=5), UUID(int=4)])
    assert found == (made if approves else None)


async def test_what_customers_think_of_it(bazaar: Bazaar) -> None:
    """The newest word stays, stands on the card and in the index, and survives a change."""
    product = await bazaar.product()
    await emitted(bazaar.db)

    async def rate(value: int, version: int) -> None:
        await bazaar.catalog.set_rating(
            staff(), product_id=product.id, rating=Rating(value=value, count=7), version=version
        )

    await rate(430, 5)
    await rate(120, 4)
    await rate(430, 5)
    told = [data for name, data in await emitted(bazaar.db) if name == "product.index.requested"]
    assert [data["listing"]["rating"] for data in told] == [{"value": 430, "count": 7}]
    [card] = await bazaar.catalog.listings_by_ids(guest(), ids=[product.id])
    assert card.rating == Rating(value=430, count=7)
    found = await bazaar.catalog.product(guest(), ref=product.slug)
    wanted = draft_of(found).model_copy(update={"title": "Renamed"})
    changed = await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)
    assert changed.rating == card.rating
    [card] = await bazaar.catalog.listings_by_ids(guest(), ids=[product.id])
    assert card.rating == Rating(value=430, count=7)
    await bazaar.catalog.set_rating(staff(), product_id=product.id, rating=None, version=6)
    assert (await bazaar.catalog.product(guest(), ref=product.slug)).rating is None
    with pytest.raises(NotFound):
        await bazaar.catalog.set_rating(staff(), product_id=uuid4(), rating=None, version=1)
