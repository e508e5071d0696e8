"""Specification templates and what products fill in; addresses that change; pages' heads."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog import specs
from haat.domains.goods.catalog.api import (
    Attribute,
    Category,
    Product,
    Seo,
    SlugTaken,
    Template,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import encode_cursor
from tests.domains.goods.doubles import draft, guest, staff
from tests.domains.goods.test_offers import Bazaar, bazaar

__all__ = ["bazaar"]
SIZE = Attribute(key="size", name="Size", kind="number", unit="cm", required=True)
COLOUR = Attribute(key="colour", name="Colour", kind="choice", choices=["red", "blue"])
WASH = Attribute(key="wash", name="Washable", kind="boolean")
FITS = Attribute(key="fits", name="Fits", kind="choices", choices=["gas", "induction"])
ALL = [SIZE, COLOUR, WASH, FITS]


def test_what_is_nearer_says_what_a_key_is() -> None:
    near = SIZE.model_copy(update={"unit": "mm", "required": False})
    assert specs.inherited([[SIZE, WASH], [], [near, COLOUR]]) == [near, WASH, COLOUR]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"size": "12.5", "colour": "red", "wash": False, "fits": ["gas"]}, None),
        ({"size": 12}, {"size": "12"}),
        ({"size": "-3", "mood": "calm"}, None),  # a key of the product's own
        ({"size": "1", "colour": "", "fits": []}, {"size": "1"}),
    ],
)
def test_what_a_product_says(said: dict[str, Any], kept: dict[str, Any] | None) -> None:
    assert specs.filled(said, ALL, complete=True) == (said if kept is None else kept)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, ["size"]),
        ({"size": ""}, ["size"]),
        ({"size": "big"}, ["size"]),
        ({"size": "1e3"}, ["size"]),
        ({"size": "٣"}, ["size"]),
        ({"size": True}, ["size"]),
        ({"size": "1", "colour": "green", "wash": "yes", "fits": ["wood"]},
         ["colour", "wash", "fits"]),
        ({"size": "1", "fits": "gas", "mood": 4}, ["fits", "mood"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(said: dict[str, Any], wrong: list[str]) -> None:
    with pytest.raises(Invalid) as told:
        specs.filled(said, ALL, complete=True)
    assert [field.path for field in told.value.fields] == [f"specs.{key}" for key in wrong]


@pytest.mark.parametrize(
    "template",
    [
        [SIZE, SIZE],
        [Attribute(key="a", name="A", kind="choice")],
        [Attribute(key="a", name="A", unit="cm")],
    ],
)
def test_templates_that_are_none(template: Template) -> None:
    with pytest.raises(Invalid):
        specs.check_template(template)


async def category(
    bazaar: Bazaar, parent: UUID | None = None, template: Template | None = None, **more: Any
) -> Category:
    return await bazaar.catalog.save_category(
        staff(), id=uuid4(), name=f"C {uuid4().hex}", parent_id=parent, template=template, **more
    )


async def test_products_fill_in_what_their_category_asks_for(bazaar: Bazaar) -> None:
    top = await category(bazaar, template=[SIZE])
    below = await category(bazaar, top.id, template=[COLOUR])
    asked = await bazaar.catalog.attributes(guest(), category_id=below.id)
    assert asked == [SIZE, COLOUR]
    assert await bazaar.catalog.template(guest(), category_id=below.id) == [COLOUR]
    wanted = draft("Pan", (uuid4().hex,), category_id=below.id)
    product = await bazaar.catalog.create(bazaar.me, id=uuid4(), vendor_id=bazaar.owner,
                                          draft=wanted)  # fmt: skip
    with pytest.raises(Invalid) as told:
        await bazaar.catalog.submit(bazaar.me, id=product.id)
    assert [field.path for field in told.value.fields] == ["specs.size"]
    with pytest.raises(Invalid):
        await bazaar.catalog.change(
            bazaar.me, id=product.id, draft=wanted.model_copy(update={"specs": {"size": "big"}})
        )
    filled = wanted.model_copy(update={"specs": {"size": 24, "colour": "red", "made": "Dhaka"}})
    changed = await bazaar.catalog.change(bazaar.me, id=product.id, draft=filled)
    assert changed.specs == {"size": "24", "colour": "red", "made": "Dhaka"}
    assert (await bazaar.catalog.submit(bazaar.me, id=product.id)).status == "pending"
    # A template that stays unsaid is kept; one that is emptied is gone.
    await bazaar.catalog.save_category(staff(), id=below.id, name=below.name, parent_id=top.id)
    assert await bazaar.catalog.template(guest(), category_id=below.id) == [COLOUR]
    await bazaar.catalog.save_category(
        staff(), id=below.id, name=below.name, parent_id=top.id, template=[]
    )
    assert await bazaar.catalog.attributes(guest(), category_id=below.id) == [SIZE]


async def test_categories_that_are_switched_off(bazaar: Bazaar) -> None:
    top = await category(bazaar, icon="🏺")
    below = await category(bazaar, top.id)
    assert (top.icon, top.active) == ("🏺", True)
    off = await bazaar.catalog.save_category(staff(), id=top.id, name=top.name, active=False)
    assert (off.icon, off.active) == ("🏺", False)
    shown = {one.id for one in await bazaar.catalog.categories(guest())}
    assert not shown & {top.id, below.id}
    kept = {one.id for one in await bazaar.catalog.categories(staff())}
    assert {top.id, below.id} <= kept


async def renamed(bazaar: Bazaar, product: Product, slug: str) -> Product:
    wanted = draft_of(product).model_copy(update={"slug": slug})
    return await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)


async def test_an_old_address_leads_to_the_new_one(bazaar: Bazaar) -> None:
    word = uuid4().hex
    product = await bazaar.product(title=f"{word} one")
    other = await bazaar.product(title=f"{word} two")
    first = product.slug
    second = await renamed(bazaar, product, f"{word} B!")
    assert second.slug == f"{word}-b"
    third = await renamed(bazaar, second, f"{word}-c")
    for old in (first, second.slug):
        assert await bazaar.catalog.moved(guest(), ref=old) == third.slug
        with pytest.raises(NotFound):
            await bazaar.catalog.product(guest(), ref=old)
    for taken in (other.slug, first):
        with pytest.raises(SlugTaken):
            await renamed(bazaar, other if taken == first else third, taken)
    back = await renamed(bazaar, third, first)
    assert (await bazaar.catalog.product(guest(), ref=first)).id == product.id
    assert await bazaar.catalog.moved(guest(), ref=third.slug) == back.slug == first
    with pytest.raises(NotFound):
        await bazaar.catalog.moved(guest(), ref=first)
    # A new product does not take an address that leads to another.
    assert (await bazaar.product(title=f"{word} b")).slug != second.slug


async def test_pictures_and_heads(bazaar: Bazaar) -> None:
    product = await bazaar.product()
    settings = {"pictures_max": 2}
    bazaar.market.current = bazaar.market.current.model_copy(update=settings)
    pictures = [Picture(url=f"https://x/{n}.jpg") for n in range(3)]
    seo = Seo(title="Kettles", description="All of them", keywords=["tea"])
    wanted = draft_of(product).model_copy(update={"pictures": pictures[:2], "seo": seo})
    changed = await bazaar.catalog.change(bazaar.me, id=product.id, draft=wanted)
    assert changed.seo == seo
    assert (await bazaar.catalog.product(guest(), ref=product.slug)).seo == seo
    with pytest.raises(Invalid) as told:
        await bazaar.catalog.change(
            bazaar.me, id=product.id, draft=wanted.model_copy(update={"pictures": pictures})
        )
    assert told.value.fields[0].code == "pictures_full"


async def test_brands(bazaar: Bazaar) -> None:
    word = uuid4().hex
    one = await bazaar.product(brand=f"Acmé {word}")
    other = await bazaar.product(brand=f"ACME  {word}")
    none = await bazaar.product()
    brand = await bazaar.catalog.brand(guest(), ref=f"acme-{word}")
    assert (brand.slug, brand.name) == (f"acme-{word}", f"Acmé {word}")
    shelf = await bazaar.catalog.listings(guest(), brand_id=brand.id)
    assert {card.id for card in shelf.items} == {one.id, other.id}
    both = await bazaar.catalog.listings(guest(), brand_id=brand.id, vendor_id=bazaar.owner)
    assert {card.id for card in both.items} == {one.id, other.id}
    with pytest.raises(Invalid):
        await bazaar.catalog.listings(
            guest(), brand_id=brand.id, vendor_id=bazaar.owner, category_id=uuid4()
        )
    left = draft_of(other).model_copy(update={"brand": ""})
    await bazaar.catalog.change(bazaar.me, id=other.id, draft=left)
    shelf = await bazaar.catalog.listings(staff(), brand_id=brand.id)
    assert [card.id for card in shelf.items] == [one.id]
    assert none.id not in {card.id for card in shelf.items}

    logo = uuid4()
    saved = await bazaar.catalog.save_brand(staff(), name=f"ACME {word}", logo_id=logo)
    assert (saved.id, saved.name, saved.logo_id) == (brand.id, f"ACME {word}", logo)
    off = await bazaar.catalog.save_brand(staff(), name=f"ACME {word}", active=False)
    assert (off.active, off.logo_id) == (False, logo)
    before = f"acme-{word}"[:-1]
    cursor = encode_cursor(before)
    shown = await bazaar.catalog.brands(guest(), limit=1, cursor=cursor)
    assert brand.id not in {b.id for b in shown.items}
    kept = await bazaar.catalog.brands(staff(), limit=1, cursor=cursor)
    assert [b.id for b in kept.items] == [brand.id]
    with pytest.raises(Invalid):
        await bazaar.catalog.save_brand(staff(), name="!!!")
    with pytest.raises(NotFound):
        await bazaar.catalog.brand(guest(), ref=uuid4().hex)
