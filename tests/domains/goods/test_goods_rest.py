"""The goods over REST: shapes, rights, bad input."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from haat.domains.goods.catalog import routes as catalog_routes
from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.goods.inventory import routes as inventory_routes
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.inventory.service import InventoryService
from haat.domains.goods.pricing import routes as pricing_routes
from haat.domains.goods.pricing.api import Pricing
from haat.domains.goods.pricing.service import PricingService
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Media
from haat.domains.people.vendors.api import Vendors
from haat.engines.cache import open_cache
from haat.engines.rpc.door import local
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeMarket, FakeVendors
from tests.domains.people.doubles import FakeMedia, Rest, person
from tests.domains.people.doubles import clock as people_clock


class Shop:
    """The three modules' resources, a vendor, a competitor, staff and a guest."""

    def __init__(self, rest: Rest) -> None:
        self.vendor = uuid4()
        at = people_clock()
        scopes = ("vendor:products", "vendor:products:view", "vendor:stock")
        self.me = rest.client(person(at, vendor=self.vendor, scopes=scopes))
        self.rival = rest.client(person(at, vendor=uuid4(), scopes=scopes))
        self.staff = rest.client(person(at, scopes=("staff", "staff:products", "staff:settings")))
        self.guest = rest.client()

    async def active(self, **more: Any) -> dict[str, Any]:
        made = await self.me.post("/products", json=body(**more))
        assert made.status_code == 201, made.text
        id = made.json()["id"]
        await self.me.post(f"/products/{id}/submit")
        done = await self.staff.patch(f"/admin/products/{id}/approve", json={})
        assert done.status_code == 200, done.text
        product: dict[str, Any] = done.json()
        return product


@pytest.fixture
async def shop(database_of: DatabaseOf) -> Shop:
    vendors, market = FakeVendors(), FakeMarket()
    catalog = CatalogService(
        await database_of("catalog"), market, vendors, open_cache("memory://"), FakeMedia()
    )
    below = local(Catalog, catalog, caller="inventory")
    services: dict[Any, Any] = {
        Catalog: catalog,
        Inventory: InventoryService(await database_of("inventory"), below),
        Pricing: PricingService(
            await database_of("pricing"), market, catalog, open_cache("memory://")
        ),
        Vendors: vendors,
        Market: market,
        Media: FakeMedia(),
    }
    routers = (catalog_routes.router, inventory_routes.router, pricing_routes.router)
    return Shop(Rest(people_clock(), services, *routers))


def price(minor: int, currency: str = "USD") -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


def body(title: str = "Lamp", **more: Any) -> dict[str, Any]:
    variants = [{"sku": uuid4().hex, "price": price(1299)}]
    return {"title": title, "variants": variants, **more}


async def test_a_product_over_rest(shop: Shop) -> None:
    product = await shop.active(title="A Lamp")
    id, slug = product["id"], product["slug"]
    for ref in (id, slug):
        answer = await shop.guest.get(f"/products/{ref}")
        assert answer.json()["variants"][0]["offers"][0]["price"] == price(1299)
    patched = await shop.me.patch(f"/products/{id}", json={"brand": "Acme"})
    assert (patched.json()["brand"], patched.json()["title"]) == ("Acme", "A Lamp")
    stale = await shop.me.patch(f"/products/{id}", json={"brand": "B", "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    where = f"/vendors/{shop.vendor}/products"
    assert (await shop.me.patch(f"{where}/{id}", json={"brand": "C"})).json()["brand"] == "C"
    for path in (where, f"/products?vendor={shop.vendor}"):
        page = (await shop.guest.get(path)).json()
        assert [item["id"] for item in page["items"]] == [id]
        assert page["next"] is None
    again = await shop.me.post(f"{where}", json=body())
    assert again.status_code == 201
    own = (await shop.me.get("/vendors/me/products")).json()["items"]
    assert {item["status"] for item in own} == {"active", "draft"}
    gone = await shop.me.delete(f"/products/{id}")
    assert gone.json()["status"] == "archived"
    assert (await shop.guest.get(f"/products/{id}")).status_code == 404
    back = await shop.me.post(f"/products/{id}/restore")
    assert back.json()["status"] == "draft"


async def test_pictures(shop: Shop) -> None:
    product = await shop.active()
    path = f"/products/{product['id']}/images"

    async def add(number: int) -> httpx.Response:
        content = b"\x89PNG" + bytes([number])
        return await shop.me.post(path, files={"file": ("a.png", content)}, data={"alt": "x"})

    answers = await asyncio.gather(*(add(n) for n in range(3)))
    assert [a.status_code for a in answers] == [201] * 3
    shown = (await shop.guest.get(f"/products/{product['id']}")).json()
    assert len(shown["pictures"]) == 3
    assert (await shop.rival.post(path, files={"file": ("a", b"x")})).status_code == 404
    assert (await shop.me.post(path)).status_code == 422


async def test_categories(shop: Shop) -> None:
    made = await shop.staff.post("/admin/categories", json={"name": f"Light {uuid4().hex[:6]}"})
    assert made.status_code == 201
    root = made.json()
    child = (
        await shop.staff.post(
            "/admin/categories", json={"name": f"Lamps {uuid4().hex}", "parentId": root["id"]}
        )
    ).json()
    product = await shop.active(categoryId=child["id"])
    page = (await shop.guest.get(f"/categories/{root['slug']}")).json()
    assert [c["id"] for c in page["children"]] == [child["id"]]
    assert [p["id"] for p in page["products"]["items"]] == [product["id"]]
    assert page["productCount"] == 1
    below = (await shop.guest.get(f"/categories/{child['id']}")).json()
    assert [c["id"] for c in below["path"]] == [root["id"]]
    by_slug = (await shop.guest.get(f"/products?category={root['slug']}")).json()
    assert [p["id"] for p in by_slug["items"]] == [product["id"]]
    tree = (await shop.guest.get("/categories")).json()["items"]
    assert {root["id"], child["id"]} <= {c["id"] for c in tree}
    renamed = await shop.staff.patch(
        f"/admin/categories/{child['id']}", json={"name": "Other", "parentId": None}
    )
    assert (renamed.json()["parentId"], renamed.json()["slug"]) == (None, child["slug"])
    assert (await shop.guest.get("/products?category=nothing")).status_code == 404
    assert (await shop.me.post("/admin/categories", json={"name": "X"})).status_code == 403


async def test_stock(shop: Shop) -> None:
    product = await shop.active()
    offer = product["variants"][0]["offers"][0]
    for place, ref in enumerate((offer["id"], offer["sku"], product["id"])):
        answer = await shop.me.put(f"/inventory/{ref}", json={"onHand": 5 + place})
        assert answer.status_code == 200, answer.text
        assert answer.json()["available"] == 5 + place
        read = (await shop.me.get(f"/inventory/{ref}")).json()
        assert (read["onHand"], len(read["items"])) == (5 + place, 1)
    path = f"/vendors/{shop.vendor}/inventory/{offer['sku']}"
    assert (await shop.me.patch(path, json={"onHand": 2})).json()["onHand"] == 2
    low = await shop.me.put(f"/inventory/{offer['sku']}/threshold", json={"lowAt": 3})
    assert low.json()["isLow"] is True
    for query in ("/inventory", "/inventory/alerts"):
        items = (await shop.me.get(query)).json()["items"]
        assert [item["sku"] for item in items] == [offer["sku"]]
    moves = (await shop.me.get(f"/inventory/{offer['id']}/movements?limit=2")).json()
    assert len(moves["items"]) == 2
    assert moves["next"]
    for ref in (offer["id"], offer["sku"], product["id"]):
        assert (await shop.rival.get(f"/inventory/{ref}")).status_code == 404
        assert (await shop.rival.put(f"/inventory/{ref}", json={"onHand": 1})).status_code == 404
    assert (await shop.rival.patch(path, json={"onHand": 1})).status_code == 404
    assert (await shop.guest.get("/inventory")).status_code == 401
    assert (await shop.guest.get(f"/inventory/{offer['id']}")).status_code == 401


async def test_tax_rates(shop: Shop) -> None:
    rate = {"taxClass": "standard", "country": "FR", "rateBp": 2000}
    assert (await shop.staff.put("/admin/tax-rates", json=rate)).json() == rate
    assert rate in (await shop.guest.get("/tax-rates")).json()["items"]
    assert (await shop.me.put("/admin/tax-rates", json=rate)).status_code == 403
    bad = await shop.staff.put("/admin/tax-rates", json={**rate, "rateBp": -1})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "rateBp")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": None}, "title"),
        ({"titel": "x"}, "titel"),
        ({"variants": []}, "variants"),
        ({"variants": [{"sku": "A"}]}, "variants.0.price"),
        ({"variants": [{"sku": "A", "price": price(1), "x": 1}]}, "variants.0.x"),
        (
            {"variants": [{"sku": "A", "price": {"minor": 1.5, "currency": "USD"}}]},
            "variants.0.price.minor",
        ),
        (
            {"variants": [{"sku": "A", "price": {"minor": "1", "currency": "USD"}}]},
            "variants.0.price.minor",
        ),
        ({"variants": [{"sku": "A", "price": price(1, "usd")}]}, "variants.0.price.currency"),
        ({"variants": [{"sku": "A", "price": price(1, "EUR")}]}, "variants.0.price"),
        ({"variants": [{"sku": "A", "price": price(0)}]}, "variants.0.price"),
        (
            {"variants": [{"sku": "A", "price": price(1), "options": {"a": "\0"}}]},
            "variants.0.options.a",
        ),
        ({"categoryId": "x"}, "categoryId"),
        ({"categoryId": str(UUID(int=9))}, "categoryId"),
        ({"taxClass": "A B"}, "taxClass"),
    ],
)
async def test_bad_products(shop: Shop, change: dict[str, Any], path: str) -> None:
    answer = await shop.me.post("/products", json={**body(), **change})
    assert answer.status_code == 422, answer.text
    assert path in [e["path"] for e in answer.json()["errors"]]
    assert (await shop.me.get("/vendors/me/products")).json()["items"] == []


async def test_bad_requests(shop: Shop) -> None:
    product = await shop.active()
    id = product["id"]
    for query in ("limit=0", "limit=101", "sort=best", "cursor=x", "cursor=WzFd", "limit=a"):
        answer = await shop.guest.get(f"/products?{query}")
        assert (answer.status_code, query) == (422, query)
    cases = [
        (shop.guest, "post", "/products", 401),
        (shop.staff, "post", "/products", 403),
        (shop.rival, "delete", f"/products/{id}", 404),
        (shop.rival, "post", f"/products/{id}/submit", 404),
        (shop.rival, "patch", f"/products/{id}", 404),
        (shop.rival, "patch", f"/vendors/{shop.vendor}/products/{id}", 404),
        (shop.rival, "post", f"/vendors/{shop.vendor}/products", 404),
        (shop.me, "post", f"/products/{id}/submit", 409),
        (shop.me, "patch", f"/admin/products/{id}/approve", 403),
        (shop.me, "get", "/admin/products", 403),
        (shop.guest, "get", "/vendors/me/products", 401),
        (shop.guest, "get", "/products/%00", 404),
        (shop.guest, "get", "/products/nothing", 404),
    ]
    for client, verb, path, status in cases:
        sent = body() if verb == "post" else {} if verb == "patch" else None
        answer = await client.request(verb.upper(), path, json=sent)
        assert (answer.status_code, verb, path) == (status, verb, path)
        assert answer.json()["code"]
    missing = await shop.staff.patch(f"/admin/products/{id}/approve", json={"decision": "reject"})
    assert missing.status_code == 422
    counts: list[dict[str, Any]] = [
        {"onHand": -1},
        {"onHand": "x"},
        {},
        {"onHand": 1, "reason": "sale"},
    ]
    for count in counts:
        answer = await shop.me.put(f"/inventory/{id}", json=count)
        assert answer.status_code == 422
