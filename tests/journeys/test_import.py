"""`haat import`: real exports of other shops come in, twice is once, and one is bought; a run goes
on after whoever worked on it died, without doubles."""

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.app.importing import Done, Wanted, files_of, imported, lines_of
from haat.domains.goods.imports.api import Imports, Run
from haat.domains.goods.imports.service import chunks
from haat.domains.goods.imports.service.running import Running
from haat.domains.goods.inventory.api import Inventory
from haat.engines.hands import Hands
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from tests.journeys.box import Box
from tests.journeys.scene import Shop, buy, open_shop, send_file
from tests.journeys.test_imports import counts, ended, on_list, table

DATA = os.environ.get("HAAT_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="HAAT_TEST_DATA is not set: no real exports")


async def come_in(box: Box, shop: Shop, file: Path, **more: Any) -> Done:
    heard: list[Run] = []
    wanted = Wanted([file], shop.vendor["slug"], **more)
    ctx = box.runtime.system_context("import")
    done = await imported(
        box.runtime, ctx, wanted, file, lambda _, run: heard.append(run), alone=False
    )
    assert heard[-1] == done.run
    return done


def told(done: Done) -> tuple[int, int, int, int]:
    found = done.run.counts
    return found.created, found.updated, found.unchanged, found.refused


@needs_data
async def test_real_exports_come_in_and_sell(box: Box) -> None:
    assert DATA
    shop = await open_shop(box, "Import House", price=100, stock=1)
    staff = await box.staff()
    await staff.ok("PUT", f"/admin/approval-rules/{uuid4()}", {"vendorId": shop.id})
    files, format = files_of([Path("shopify"), Path(DATA) / "catalogs" / "shopify"])
    assert (len(files), format) == (5, "shopify")
    found = [await come_in(box, shop, file, format=format) for file in files]
    assert sum(done.run.counts.created for done in found) == 83
    assert all(done.is_whole for done in found)
    await box.settle()
    again = [await come_in(box, shop, file) for file in files]
    assert [told(done)[:2] for done in again] == [(0, 0)] * 5
    assert sum(done.run.counts.unchanged for done in again) == 83

    page = await shop.owner.ok("GET", f"/vendors/{shop.id}/products?limit=100")
    assert len(page["items"]) == 82  # two of the 83 are drafts there, and one was here
    inside = [one for one in page["items"] if one["id"] != shop.product["id"]]
    offers = [UUID(offer) for one in inside for offer in one["offerIds"]]
    stock = await box.runtime.inner[Inventory].available(
        box.runtime.system_context("test"), offers=offers[:500]
    )
    offer = str(next(one.offer_id for one in stock if one.available > 0))
    placed = await buy(box, await box.person("importer@example.com"), {offer: 1})
    order = await box.people["staff"].ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["vendorOrders"][0]["lines"][0]["offerId"] == offer
    hits = await box.guest().ok("GET", f"/search?q={inside[0]['title'].split()[0]}")
    assert hits["items"]


# File → products, how many are refused, and whether its mapping is kept for the next time.
OTHERS = {
    "woocommerce/importer_test_sample.csv": (4, 1),
    "woocommerce/sample_products.csv": (14, 1),
    "vendure/products.csv": (54, 0),
    "spree/products.csv": (37, 0),
    "medusa/exported-products-semicolon.csv": (2, 0),
    "medusa/v1-template.csv": (2, 1),
}


@needs_data
@pytest.mark.parametrize("name", OTHERS)
async def test_other_shops_come_in_through_saved_mappings(box: Box, name: str) -> None:
    assert DATA
    products, refused = OTHERS[name]
    shop = await open_shop(
        box, f"Other {name.partition('/')[0]} {uuid4().hex[:6]}", price=100, stock=1
    )
    file = Path(DATA) / "catalogs" / name
    run = await send_file(shop.owner, file.read_bytes())
    await shop.owner.ok("POST", f"/imports/{run['id']}/start", {"dryRun": True, "saveAs": "Theirs"})
    tried = await ended(shop.owner, run["id"])
    assert counts(tried) == (products, 0, 0, refused)
    done = await come_in(box, shop, file, mapping="Theirs")
    assert told(done) == (products, 0, 0, refused)
    assert told(await come_in(box, shop, file, mapping="Theirs")) == (0, 0, products, refused)
    for finding in done.findings:
        assert finding.line > 1
        assert finding.reason
    with pytest.raises(NotFound):
        await come_in(box, shop, file, mapping="Nobody's")


@needs_data
async def test_what_is_no_table_says_why(box: Box, tmp_path: Path) -> None:
    assert DATA
    shop = await open_shop(box, f"Hostile {uuid4().hex[:6]}", price=100, stock=1)
    cut = Path(DATA) / "catalogs" / "vendure-invalid" / "invalid-row-length.csv"
    done = await come_in(box, shop, cut)
    assert done.run.counts.refused > 0
    assert any(f"line {done.findings[0].line}" in line for line in lines_of(done))
    picture = tmp_path / "goods.csv"
    picture.write_bytes(b"\x89PNG\r\n")
    done = await come_in(box, shop, picture)
    assert (done.run.state, done.is_whole) == ("failed", False)
    assert "not a table" in lines_of(done)[0]
    with pytest.raises(Invalid):
        await come_in(box, shop, cut, format="shopify")


async def test_rows_left_out_are_printed_and_written(box: Box, tmp_path: Path) -> None:
    shop = await open_shop(box, f"Lines {uuid4().hex[:6]}", price=100, stock=1)
    file, wrong = tmp_path / "goods.csv", tmp_path / "wrong.csv"
    good = {"handle": "mug", "title": "Mug", "sku": "MUG", "price": "12.99", "stock": "4"}
    bad = {"handle": "cup", "title": "Cup", "sku": "CUP", "price": "nine"}
    file.write_bytes(table(good, bad))
    tried = await come_in(box, shop, file, dry_run=True)
    assert lines_of(tried)[-1].endswith("would be 1 created, 0 updated, 0 unchanged, 1 refused")
    done = await come_in(box, shop, file, corrections=wrong)
    assert lines_of(done)[0].startswith("goods.csv, line 3, price: ")
    assert told(done) == (1, 0, 0, 1)
    wrong.write_bytes(wrong.read_bytes().replace(b"nine", b"9"))
    assert told(await come_in(box, shop, wrong)) == (1, 0, 0, 0)


class Died(BaseException):
    """In place of a process's end: nothing after it happens."""


async def _help(running: Running, ctx: Context) -> None:
    while True:
        if not await running.help(ctx):
            await asyncio.sleep(0.01)


async def test_a_run_goes_on_where_another_died(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrote its chunks and died before it told so; two more, the timer, and two who only help
    work at once."""
    monkeypatch.setattr(chunks, "LEASE_S", 1.0)
    shop = await open_shop(box, f"Killed {uuid4().hex[:6]}", price=100, stock=1)
    rows = [
        {"handle": f"h{n}", "title": f"Cup {n}", "sku": f"S-{n}", "price": "5", "stock": "3"}
        for n in range(1_500)
    ]
    run = await send_file(shop.owner, table(*rows))
    present = box.runtime.services[Imports]._running
    workers = [
        Running(
            present._db,
            present._files._blob,
            present._market,
            present._hand._catalog,
            present._hand._writing._inventory,
            Hands(),
        )
        for _ in range(3)
    ]
    ctx = box.runtime.system_context("test")

    async def dies(*_: Any) -> None:
        raise Died

    workers[0]._hand._told = dies  # type: ignore[assignment, method-assign]
    await shop.owner.ok("POST", f"/imports/{run['id']}/start", {})
    helping = [asyncio.create_task(_help(one, ctx)) for one in workers[1:]]
    died, *_ = await asyncio.gather(*(one.work(ctx) for one in workers), return_exceptions=True)
    assert isinstance(died, Died | None)  # the timer may have been quicker
    done = await ended(shop.owner, run["id"])
    for task in helping:
        task.cancel()
    await asyncio.gather(*helping, return_exceptions=True)
    assert await present._db.fetchval("SELECT count(*) FROM imports.chunks") == 0
    assert counts(done) == (1_500, 0, 0, 0)
    assert done["counts"]["rowsDone"] == 1_500
    assert await on_list(shop) == 1_501
    await box.settle()
    page = await shop.owner.ok("GET", "/inventory?limit=100")
    assert {one["onHand"] for one in page["items"] if one["sku"].startswith("S-")} == {3}
    again = await send_file(shop.owner, table(*rows))
    await shop.owner.ok("POST", f"/imports/{again['id']}/start", {})
    assert counts(await ended(shop.owner, again["id"])) == (0, 0, 1_500, 0)
