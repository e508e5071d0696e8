"""Many products at once: the rules of one by one, of each its outcome, safe when sent twice."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from haat.domains.goods.catalog.api import (
    ApprovalRule,
    ListingRule,
    ProductDraft,
    PutItem,
    PutOutcome,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.kernel.context import Context
from haat.kernel.ids import derive
from tests.domains.goods.doubles import draft, emitted, guest, of_vendor, staff, usd
from tests.domains.goods.test_offers import Bazaar, bazaar

__all__ = ["bazaar"]
MARK = uuid4()  # the database is every test's: ids and titles are each one's own


def item(title: str, *skus: str, **more: Any) -> PutItem:
    given = {name: more.pop(name) for name in ("id", "status", "by_sku", "keeps") if name in more}
    codes = more.pop("barcodes", [])
    wanted = draft(title, skus or (title.replace(" ", "-"),), **more)
    if codes:
        pairs = zip(wanted.variants, codes, strict=True)
        variants = [v.model_copy(update={"barcode": code}) for v, code in pairs]
        wanted = wanted.model_copy(update={"variants": variants})
    return PutItem(id=given.pop("id", None) or derive(MARK, title), draft=wanted, **given)


def inside(bazaar: Bazaar) -> Context:
    return replace(bazaar.me, caller="imports")


async def put(bazaar: Bazaar, *items: PutItem, **more: Any) -> list[PutOutcome]:
    return await bazaar.catalog.put(
        inside(bazaar), vendor_id=bazaar.owner, items=list(items), **more
    )


async def open_to_all(bazaar: Bazaar) -> None:
    await bazaar.catalog.save_approval_rule(
        staff(), rule=ApprovalRule(id=uuid4(), vendor_id=bazaar.owner)
    )


async def whats(bazaar: Bazaar, *items: PutItem) -> list[str]:
    return [one.code or one.what for one in await put(bazaar, *items)]


def said(told: list[tuple[str, Any]]) -> list[str]:
    """What was said, a set as often as it has members."""
    names: list[str] = []
    for name, data in told:
        many = data.get("offers") or data.get("listings") or [None]
        names += [name.removesuffix(".many")] * len(many)
    return sorted(names)


async def test_put_is_what_create_submit_and_a_rule_do(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    wanted = item("Lamp", "L-1", "L-2", brand="Café Noir")
    one_by_one = await bazaar.catalog.create(
        bazaar.me,
        id=uuid4(),
        vendor_id=bazaar.owner,
        draft=draft("Lamp", ("O-1", "O-2"), brand="Café Noir"),
    )
    one_by_one = await bazaar.catalog.submit(bazaar.me, id=one_by_one.id)
    singly = said(await emitted(bazaar.db))
    [outcome] = await put(bazaar, wanted)
    assert said(await emitted(bazaar.db)) == singly
    made = await bazaar.catalog.product(inside(bazaar), ref=str(outcome.id))
    assert (outcome.what, outcome.status, outcome.version) == ("created", "active", 3)
    assert set(outcome.offers) == {"L-1", "L-2"}
    different = {"id", "slug", "created_at", "updated_at", "variants"}
    assert made.model_dump(exclude=different) == one_by_one.model_dump(exclude=different)
    assert (made.slug[:5], one_by_one.slug) == ("lamp-", "lamp")
    for product in (made, one_by_one):
        page = await bazaar.catalog.history(staff(), product_id=product.id)
        assert [one.what for one in page.items] == ["auto_approve", "submit", "create"]
    assert await bazaar.card(made) == (1000, 2, bazaar.owner)
    brand = await bazaar.catalog.brand(guest(), ref="cafe noir")
    shelf = await bazaar.catalog.listings(guest(), brand_id=brand.id)
    assert len(shelf.items) == 2


async def test_the_same_again_changes_nothing(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    items = [item(f"Cup {n}") for n in range(60)]  # enough for a thread of its own
    assert await whats(bazaar, *items) == ["created"] * 60
    await emitted(bazaar.db)
    assert await whats(bazaar, *items) == ["unchanged"] * 60
    assert await emitted(bazaar.db) == []
    dearer = [item("Cup 0", prices=[1200]), *items[1:]]
    assert await whats(bazaar, *dearer) == ["changed"] + ["unchanged"] * 59
    names = [name for name, _ in await emitted(bazaar.db)]
    assert names == ["product.updated", "product.price.updated", "product.index.requested"]
    product = await bazaar.catalog.product(inside(bazaar), ref=str(items[0].id))
    assert await bazaar.card(product) == (1200, 1, bazaar.owner)


async def test_one_that_is_wrong_stops_no_other(bazaar: Bazaar) -> None:
    await put(bazaar, item("There", "THERE"))
    found = await put(
        bazaar,
        item("Good"),
        item("Steals", "THERE"),
        item("No such shelf", category_id=uuid4()),
        item("Too cheap", prices=[0]),
        item("Bad code", barcodes=["4006381333932"]),
        item("Text\0"),
        item("Twice", "GOOD-2"),
        item("Twice as well", "GOOD-2"),
        item("Good last"),
    )
    assert [(one.what, one.code, one.path) for one in found] == [
        ("created", "", ""),
        ("refused", "sku_taken", ""),
        ("refused", "category_unknown", "categoryId"),
        ("refused", "price_invalid", "variants.0.price"),
        ("refused", "barcode_check_digit", "variants.0.barcode"),
        ("refused", "text_invalid", "title"),
        ("created", "", ""),
        ("refused", "sku_taken", ""),
        ("created", "", ""),
    ]
    assert all(one.message for one in found if one.what == "refused")
    page = await bazaar.catalog.own_products(bazaar.me, vendor_id=bazaar.owner)
    assert len(page.items) == 4


async def test_refused_before_it_is_written(bazaar: Bazaar) -> None:
    await bazaar.catalog.allow(staff(), brand="Guarded", vendor_ids=[uuid4()])
    assert await whats(bazaar, item("Guarded lamp", brand="Guarded")) == ["vendor_not_listed"]
    bazaar.vendors.status[bazaar.other] = "pending"
    theirs = replace(bazaar.they, caller="imports")
    items = [item("Early"), item("Draft", status="draft")]
    found = await bazaar.catalog.put(theirs, vendor_id=bazaar.other, items=items)
    assert [one.code or one.what for one in found] == ["vendor_not_active", "created"]
    page = await bazaar.catalog.own_products(bazaar.they, vendor_id=bazaar.other)
    assert [(one.title, one.status) for one in page.items] == [("Draft", "draft")]


async def test_a_barcode_on_sale_is_to_be_attached_to(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    code = "4006381333931"
    both = [item("First", barcodes=[code]), item("Second", barcodes=[code])]
    bazaar.policy("shared")
    assert await whats(bazaar, *both) == ["created", "product_exists"]
    assert await whats(bazaar, both[1]) == ["product_exists"]
    bazaar.policy("own")
    assert await whats(bazaar, both[1]) == ["created"]


async def test_known_by_a_sku(bazaar: Bazaar) -> None:
    [made] = await put(bazaar, item("Kettle", "K-1", "K-2"))
    renamed = item("Kettle, new", "K-2", "K-3", id=uuid4(), by_sku=True)
    [found] = await put(bazaar, renamed)
    assert (found.id, found.what) == (made.id, "changed")
    assert found.offers["K-2"] == made.offers["K-2"]
    await put(bazaar, item("Other", "O-1"))
    [split] = await put(bazaar, item("Both", "K-2", "O-1", id=uuid4(), by_sku=True))
    assert (split.what, split.path) == ("refused", "variants.0.sku")


async def test_nobody_elses_is_touched(bazaar: Bazaar) -> None:
    """Neither another's product by its id, nor the product that one of its offers stands on."""
    theirs = await bazaar.product("T-1")
    mine = replace(of_vendor(bazaar.other), caller="imports")
    same_id = item("Mine now", id=theirs.id)
    await bazaar.attach(theirs, sku="A-1")
    by_sku = item("Mine too", "A-1", by_sku=True)
    found = await bazaar.catalog.put(mine, vendor_id=bazaar.other, items=[same_id, by_sku])
    assert [one.code for one in found] == ["not_found", "sku_taken"]
    assert await bazaar.catalog.product(inside(bazaar), ref=str(theirs.id)) == (
        await bazaar.catalog.product(bazaar.me, ref=str(theirs.id))
    )


async def test_archived_and_back(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    away = item("Coming and going", status="archived")
    assert await whats(bazaar, item("Coming and going"), away) == ["created", "changed"]
    assert await whats(bazaar, away) == ["unchanged"]
    [back] = await put(bazaar, item("Coming and going"))
    assert (back.what, back.status) == ("changed", "active")
    page = await bazaar.catalog.history(staff(), product_id=back.id)
    assert [one.what for one in page.items] == [
        *("auto_approve", "submit", "restore", "archive"),
        *("auto_approve", "submit", "create"),
    ]


async def test_others_who_sell_it_keep_the_product(bazaar: Bazaar) -> None:
    product = await bazaar.product("P-1")
    offer = await bazaar.attach(product, 700)
    gone = PutItem(id=product.id, draft=draft_of(product), status="archived")
    [outcome] = await put(bazaar, gone)
    assert (outcome.what, outcome.status) == ("changed", "active")
    assert await bazaar.buyable(offer.id, product.variants[0].offers[0].id) == [True, False]


async def test_what_a_file_says_nothing_of_stays(bazaar: Bazaar) -> None:
    product = await bazaar.product("P-1")
    full = draft_of(product).model_copy(
        update={
            "specs": {"fit": "wide"},
            "variants": [
                v.model_copy(update={"condition": "refurbished", "handling_days": 4})
                for v in draft_of(product).variants
            ],
        }
    )
    await bazaar.catalog.change(bazaar.me, id=product.id, draft=full)
    from_file = PutItem(id=product.id, draft=draft("In a file", ("P-1",)), keeps=True)
    await put(bazaar, from_file)
    after = await bazaar.catalog.product(inside(bazaar), ref=str(product.id))
    offer = after.variants[0].offers[0]
    assert (after.title, after.specs) == ("In a file", {"fit": "wide"})
    assert (offer.condition, offer.handling_days) == ("refurbished", 4)


async def test_a_try_says_the_same_and_writes_nothing(bazaar: Bazaar) -> None:
    items = [item("Tried"), item("One", "S"), item("Another", "S")]
    tried = await put(bazaar, *items, dry_run=True)
    page = await bazaar.catalog.own_products(bazaar.me, vendor_id=bazaar.owner)
    assert page.items == []
    assert await emitted(bazaar.db) == []
    done = await put(bazaar, *items)
    assert [one.what for one in done] == ["created", "created", "refused"]
    assert [one.model_copy(update={"created_at": None}) for one in done] == [
        one.model_copy(update={"created_at": None}) for one in tried
    ]


async def test_two_put_the_same_at_once(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    items = [item(f"Plate {n}", f"A-{n}", f"B-{n}") for n in range(80)]
    backwards = [one.model_copy(update={"draft": _dearer(one.draft)}) for one in reversed(items)]
    found = await asyncio.gather(put(bazaar, *items), put(bazaar, *backwards), put(bazaar, *items))
    assert {one.what for outcomes in found for one in outcomes} <= {
        "created",
        "changed",
        "unchanged",
    }
    by_id = [[one for one in each if one.what == "created"] for each in found]
    assert sum(map(len, by_id)) == 80
    page = await bazaar.catalog.listings(guest(), vendor_id=bazaar.owner, limit=100)
    assert len(page.items) == 80
    events = said(await emitted(bazaar.db))
    assert (events.count("product.created"), events.count("offer.added")) == (80, 160)
    assert events.count("product.index.added") + events.count("product.index.requested") >= 80


async def test_two_want_the_same_addresses_and_skus(bazaar: Bazaar) -> None:
    """Titles alike give one the address as it is; of one SKU there is one product."""
    ours = [item(f"Bowl {n}", f"S-{n}", id=derive(UUID(int=1), str(n))) for n in range(40)]
    same = [item(f"Bowl {n}", f"S-{n}", id=derive(UUID(int=2), str(n))) for n in range(40)]
    found = await asyncio.gather(put(bazaar, *ours), put(bazaar, *reversed(same)))
    whats = [one.code or one.what for outcomes in found for one in outcomes]
    assert sorted(set(whats)) == ["created", "sku_taken"]
    assert whats.count("created") == 40
    page = await bazaar.catalog.own_products(bazaar.me, vendor_id=bazaar.owner, limit=100)
    assert len({one.slug for one in page.items}) == 40


async def test_while_others_edit_and_it_is_suspended(bazaar: Bazaar) -> None:
    await open_to_all(bazaar)
    items = [item(f"Pan {n}") for n in range(30)]
    await put(bazaar, *items)
    product = await bazaar.catalog.product(inside(bazaar), ref=str(items[3].id))

    async def edit() -> None:
        for price in range(1100, 1110):
            wanted = draft("Pan 3", ("Pan-3",), prices=[price])
            await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)

    dearer = [one.model_copy(update={"draft": _dearer(one.draft)}) for one in items]
    outcomes, *_ = await asyncio.gather(put(bazaar, *dearer), edit(), bazaar.suspend(bazaar.owner))
    assert {one.code or one.what for one in outcomes} <= {"changed", "busy"}
    page = await bazaar.catalog.listings(guest(), vendor_id=bazaar.owner, limit=100)
    assert page.items == []  # whichever came first


def _dearer(wanted: ProductDraft) -> ProductDraft:
    variants = [v.model_copy(update={"price": usd(v.price.minor + 500)}) for v in wanted.variants]
    return wanted.model_copy(update={"variants": variants})


async def test_rules_and_kinds_as_one_by_one(bazaar: Bazaar) -> None:
    """What a rule blocks is refused, what it warns of waits for a look; kinds are kept."""
    await open_to_all(bazaar)
    blocks = ListingRule(id=uuid4(), name="No copies", kind="words", words=["replica"])
    warns = ListingRule(id=uuid4(), name="Brand", kind="brand", blocking=False)
    for rule in (blocks, warns):
        await bazaar.catalog.save_listing_rule(staff(), rule=rule)
    try:
        found = await put(
            bazaar,
            item("Replica clock", brand="Tick"),
            item("Honest clock", brand="Tick"),
            item("Nameless clock"),
        )
        assert [(one.code or one.what, one.path, one.status) for one in found] == [
            ("listing_rules", "title", None),
            ("created", "", "active"),
            ("created", "", "pending"),
        ]
        [sly] = await put(
            bazaar, item("Honest clock", id=found[1].id, brand="Tick", description_html="A replica")
        )
        assert (sly.code, sly.path) == ("listing_rules", "descriptionHtml")
        [kept] = await put(bazaar, item("Replica radio", status="draft"))
        assert kept.status == "draft", "a draft may say anything"
    finally:
        for rule in (blocks, warns):
            await bazaar.catalog.drop_listing_rule(staff(), id=rule.id)
    await emitted(bazaar.db)
    [made] = await put(bazaar, item("Sound file", kind="digital"))
    [added] = [event for name, event in await emitted(bazaar.db) if name == "offer.added.many"]
    assert [one["counted"] for one in added["offers"]] == [False]
    [same] = await put(bazaar, item("Sound file"))
    assert same.what == "unchanged", "who says nothing of the kind leaves it"
    [turned] = await put(bazaar, item("Sound file", kind="service"))
    product = await bazaar.catalog.product(inside(bazaar), ref=str(made.id))
    assert (turned.what, product.kind) == ("changed", "service")
    assert "product.kind.changed" in [name for name, _ in await emitted(bazaar.db)]
