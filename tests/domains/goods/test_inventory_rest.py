"""Warehouses over REST: opening, counting, moving, closing; bad input changes nothing."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory import routes
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.inventory.service import InventoryService
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeCatalog
from tests.domains.people.doubles import Rest, person
from tests.domains.people.doubles import clock as people_clock

SITE = {"line1": "1 Main St", "city": "Dhaka", "country": "BD"}


class Shop:
    def __init__(self, rest: Rest, catalog: FakeCatalog) -> None:
        self.vendor = uuid4()
        at = people_clock()
        self.me = rest.client(person(at, vendor=self.vendor, scopes=("vendor:stock",)))
        self.rival = rest.client(person(at, vendor=uuid4(), scopes=("vendor:stock",)))
        self.offer = str(catalog.add(self.vendor, "=SUM(A1)"))


@pytest.fixture
async def shop(database_of: DatabaseOf) -> Shop:
    catalog = FakeCatalog()
    services: dict[Any, Any] = {
        Inventory: InventoryService(await database_of("inventory"), catalog),
        Catalog: catalog,
    }
    return Shop(Rest(people_clock(), services, routes.router), catalog)


async def test_from_opening_to_closing(shop: Shop) -> None:
    me = shop.me
    await me.put(f"/inventory/{shop.offer}", json={"onHand": 5})
    [first] = (await me.get("/warehouses")).json()
    body = {"name": "Shop", "priority": 1, "pickup": True, "address": SITE, "pickupNote": "9-17"}
    made = await me.post("/warehouses", json=body)
    assert made.status_code == 201
    second = made.json()
    assert second == {
        **body,
        "id": second["id"],
        "vendorId": str(shop.vendor),
        "countries": [],
        "address": {**SITE, "line2": "", "region": "", "postalCode": ""},
        "isDefault": False,
        "closedAt": None,
    }
    renamed = await me.put(f"/warehouses/{first['id']}", json={"name": "Port"})
    assert (renamed.json()["name"], renamed.json()["isDefault"]) == ("Port", True)
    move = {"quantity": 2, "fromId": first["id"], "toId": second["id"]}
    moved = (await me.post(f"/inventory/{shop.offer}/transfers", json=move)).json()
    assert [(k["warehouseId"], k["onHand"]) for k in moved["kept"]] == [
        (first["id"], 3),
        (second["id"], 2),
    ]
    change = {"delta": -1, "reason": "damaged", "warehouseId": second["id"]}
    done = (await me.post(f"/inventory/{shop.offer}/adjustments", json=change)).json()
    assert (done["onHand"], done["available"]) == (4, 4)
    safe = (await me.put(f"/inventory/{shop.offer}/safety", json={"safety": 3})).json()
    assert (safe["available"], safe["safety"]) == (1, 3)
    path = f"/inventory/{shop.offer}/movements"
    found = (await me.get(path, params={"reason": "damaged"})).json()["items"]
    assert [(m["delta"], m["actor"], m["warehouseId"]) for m in found] == [
        (-1, "person", second["id"])
    ]
    there = (await me.get("/inventory", params={"warehouseId": second["id"]})).json()
    assert len(there["items"]) == 1
    assert (await me.delete(f"/warehouses/{second['id']}")).status_code == 409
    await me.put(f"/inventory/{shop.offer}", json={"onHand": 0, "warehouseId": second["id"]})
    assert (await me.delete(f"/warehouses/{second['id']}")).status_code == 204
    assert [w["id"] for w in (await me.get("/warehouses")).json()] == [first["id"]]


async def test_the_table(shop: Shop) -> None:
    await shop.me.put(f"/inventory/{shop.offer}", json={"onHand": 5})
    answer = await shop.me.get("/inventory.csv")
    heading, row = list(csv.reader(io.StringIO(answer.text)))
    assert dict(zip(heading, row, strict=True)) == {
        "sku": "'=SUM(A1)",
        "offerId": shop.offer,
        "warehouse": "Main warehouse",
        "warehouseId": row[3],
        "onHand": "5",
        "reserved": "0",
        "safety": "0",
        "lowAt": "0",
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "at"),
    [
        ("POST", "/warehouses", {}, "name"),
        ("POST", "/warehouses", {"name": "A", "pickup": True}, "address"),
        ("POST", "/warehouses", {"name": "A", "countries": ["de"]}, "countries.0"),
        ("POST", "/warehouses", {"name": "A", "priority": 0}, "priority"),
        ("POST", "/warehouses", {"name": "A", "color": "red"}, "color"),
        ("PUT", "/inventory/{}", {"onHand": -1}, "onHand"),
        ("PUT", "/inventory/{}", {"onHand": 1, "reason": "sale"}, "reason"),
        ("POST", "/inventory/{}/adjustments", {"delta": 10_000_000}, "delta"),
        ("POST", "/inventory/{}/transfers", {"quantity": 0}, "quantity"),
        ("PUT", "/inventory/{}/safety", {"safety": "x"}, "safety"),
    ],
)
async def test_bad_requests(
    shop: Shop, method: str, path: str, body: dict[str, Any], at: str
) -> None:
    await shop.me.put(f"/inventory/{shop.offer}", json={"onHand": 5})
    answer = await shop.me.request(method, path.format(shop.offer), json=body)
    assert answer.status_code == 422
    assert at in [e["path"] for e in answer.json()["errors"]]
    found = (await shop.me.get(f"/inventory/{shop.offer}")).json()
    assert (found["onHand"], found["items"][0]["safety"]) == (5, 0)
    assert len((await shop.me.get("/warehouses")).json()) == 1


async def test_rivals(shop: Shop) -> None:
    made = (await shop.me.post("/warehouses", json={"name": "Shop"})).json()
    for method, path in (("PUT", "/warehouses/{}"), ("DELETE", "/warehouses/{}")):
        body = {"name": "Mine"} if method == "PUT" else None
        answer = await shop.rival.request(method, path.format(made["id"]), json=body)
        assert answer.status_code == 404
    await shop.me.put(f"/inventory/{shop.offer}", json={"onHand": 5})
    transfer = {"quantity": 1, "fromId": made["id"], "toId": str(UUID(int=1))}
    for path, sent in (("adjustments", {"delta": 1}), ("transfers", transfer)):
        answer = await shop.rival.post(f"/inventory/{shop.offer}/{path}", json=sent)
        assert answer.status_code == 404
    mine = {"onHand": 1, "warehouseId": made["id"]}
    own = (await shop.rival.post("/warehouses", json={"name": "R"})).json()
    assert (await shop.me.put(f"/inventory/{shop.offer}", json=mine)).status_code == 200
    theirs = {"onHand": 1, "warehouseId": own["id"]}
    assert (await shop.me.put(f"/inventory/{shop.offer}", json=theirs)).status_code == 404
