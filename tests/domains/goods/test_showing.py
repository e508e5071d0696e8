"""What media is told of the files that products show."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from haat.domains.goods.catalog.api import PicturesShown, ProductDraft
from haat.domains.goods.catalog.reactions import pictures_are_shown
from haat.domains.people.media.api import Picture
from haat.engines.sql import Database
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import draft, emitted, staff, system
from tests.domains.goods.test_catalog import Hall


@pytest_asyncio.fixture
async def hall(database_of: DatabaseOf) -> AsyncIterator[Hall]:
    made = Hall(await database_of("catalog"))
    await emitted(made.db)
    yield made


async def told(hall: Hall, db: Database) -> list[dict[str, Any]]:
    """What was said since the last look, heard by the catalogue itself."""
    facts = [data for name, data in await emitted(db) if name == "product.pictures.shown"]
    events = [PicturesShown.model_validate(data) for data in facts]
    if events:
        await pictures_are_shown(hall.catalog, system(), events)
    return facts


def drawn(*pictures: Picture) -> ProductDraft:
    return draft(uuid4().hex, (uuid4().hex,)).model_copy(update={"pictures": list(pictures)})


def ours(film: UUID | None = None) -> Picture:
    return Picture(media_id=uuid4(), film_id=film)


async def test_a_product_says_what_it_shows(hall: Hall) -> None:
    id, film = uuid4(), uuid4()
    one, two, three = ours(), ours(film), ours()
    elsewhere = Picture(url="https://example.com/a.png")
    first = drawn(one, elsewhere, two, one)
    await hall.catalog.create(hall.me, id=id, vendor_id=hall.vendor, draft=first)
    [fact] = await told(hall, hall.db)
    assert fact["fileIds"] == [str(x) for x in (one.media_id, two.media_id, film)]
    claim = hall.media.claimed[f"product:{id}"]
    assert (claim.ids, claim.lasting) == ([one.media_id, two.media_id, film], False)

    await hall.catalog.submit(hall.me, id=id)
    await hall.catalog.decide(staff(), id=id, decision="approve")
    await told(hall, hall.db)
    assert hall.media.claimed[f"product:{id}"].lasting

    product = await hall.catalog.product(hall.me, ref=str(id))
    update = {"pictures": [three], "variants": first.variants, "title": "Other"}
    changed = first.model_copy(update=update)
    await hall.catalog.change(hall.me, id=id, draft=changed)
    await told(hall, hall.db)
    after = hall.media.claimed[f"product:{id}"]
    assert after.ids == [three.media_id]
    assert after.version > product.version - 1

    none = changed.model_copy(update={"pictures": []})
    await hall.catalog.change(hall.me, id=id, draft=none)
    await told(hall, hall.db)
    assert hall.media.claimed[f"product:{id}"].ids == []


async def test_a_product_without_files_of_ours_says_nothing(hall: Hall) -> None:
    elsewhere = Picture(url="https://example.com/a.png")
    for pictures in ((), (elsewhere,)):
        id = uuid4()
        await hall.catalog.create(hall.me, id=id, vendor_id=hall.vendor, draft=drawn(*pictures))
        await hall.catalog.submit(hall.me, id=id)
        await hall.catalog.decide(staff(), id=id, decision="approve")
        assert await told(hall, hall.db) == []


async def test_the_logo_of_a_brand_stays(hall: Hall) -> None:
    logo = uuid4()
    await hall.catalog.save_brand(staff(), name="Acme", logo_id=logo)
    [claim] = hall.media.claimed.values()
    assert (claim.ids, claim.lasting) == ([logo], True)
