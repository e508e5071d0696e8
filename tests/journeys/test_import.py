"""Five real Shopify exports: every product comes in, twice is once, and one is bought."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from haat.app.importing import import_shopify
from tests.journeys.box import Box
from tests.journeys.scene import buy, open_shop

DATA = os.environ.get("HAAT_TEST_DATA")


@pytest.mark.skipif(not DATA, reason="HAAT_TEST_DATA is not set: no real exports to import")
async def test_real_exports_come_in_and_sell(box: Box) -> None:
    assert DATA
    shop = await open_shop(box, "Import House", price=100, stock=1)
    files = sorted((Path(DATA) / "catalogs" / "shopify").glob("*.csv"))
    assert len(files) == 5
    ctx = box.runtime.system_context("import")
    slug = shop.vendor["slug"]
    reports = [await import_shopify(box.runtime.inner, ctx, file, slug) for file in files]
    assert sum(report.created for report in reports) == 83
    await box.settle()
    again = [await import_shopify(box.runtime.inner, ctx, file, slug) for file in files]
    assert sum(report.created + report.updated for report in again) == 0
    assert sum(report.unchanged for report in again) == 83

    found, cursor = [], ""
    while True:
        page = await shop.owner.ok("GET", f"/vendors/{shop.id}/products?limit=100{cursor}")
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    imported = [item for item in found if item["id"] != shop.product["id"]]
    offer = await first_in_stock(box, [o for item in imported for o in item["offerIds"]])
    placed = await buy(box, await box.person("importer@example.com"), {offer: 1})
    order = await box.people["staff"].ok("GET", f"/orders/{placed['orderNumber']}")
    assert UUID(order["vendorOrders"][0]["lines"][0]["offerId"]) == UUID(offer)
    hits = await box.guest().ok("GET", f"/search?q={imported[0]['title'].split()[0]}")
    assert hits["items"]


async def first_in_stock(box: Box, offers: list[str]) -> str:
    from haat.domains.goods.inventory.api import Inventory

    stock = await box.runtime.inner[Inventory].available(
        box.runtime.system_context("test"), offers=[UUID(offer) for offer in offers]
    )
    return str(next(entry.offer_id for entry in stock if entry.available > 0))
