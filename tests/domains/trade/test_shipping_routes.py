"""Shipping over REST."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from haat.domains.trade.shipping.api import Shipping
from haat.domains.trade.shipping.routes import router
from haat.domains.trade.shipping.service import ShippingService
from haat.engines.cache import open_cache
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import FakeMarket, ids, system
from tests.domains.trade.rest import Client, served, token
from tests.domains.trade.test_shipping import FakeVendors

PRICE = {"minor": 300, "currency": "EUR"}


@pytest_asyncio.fixture(loop_scope="session")
async def shipping(database_of: DatabaseOf) -> ShippingService:
    return ShippingService(
        await database_of("shipping"), FakeMarket(), FakeVendors(), open_cache("memory://")
    )


@pytest_asyncio.fixture(loop_scope="session")
async def ask(shipping: ShippingService) -> AsyncIterator[Client]:
    async with served(Shipping, shipping, router) as client:
        yield client


async def test_a_vendor_keeps_its_methods(ask: Client) -> None:
    shop = ids.new()
    owner = token(ids.new(), "vendor:profile", vendor_id=shop)
    path = f"/vendors/{shop}/shipping-methods"
    body: dict[str, Any] = {"name": "Post", "bands": [{"weightGMax": 500, "price": PRICE}]}
    made = await ask(owner, "POST", path, json=body)
    assert made.status_code == 201, made.text
    changed = {**body, "bands": [{"price": PRICE}], "countries": ["IN", "BD"]}
    put = await ask(owner, "PUT", f"{path}/{made.json()['id']}", json=changed)
    assert put.json()["countries"] == ["BD", "IN"]
    assert (await ask(None, "GET", path)).json() == [put.json()]
    rival = token(ids.new(), "vendor:profile", vendor_id=ids.new())
    assert (await ask(rival, "POST", path, json=body)).status_code == 404
    assert (await ask(token(ids.new()), "POST", path, json=body)).status_code == 403
    assert (await ask(None, "POST", path, json=body)).status_code == 401
    dollars = {**body, "bands": [{"price": {**PRICE, "currency": "USD"}}]}
    refused = await ask(owner, "POST", path, json=dollars)
    assert refused.json()["errors"][0]["path"] == "bands.0.price"
    rates = await ask(
        None, "POST", "/shipping/rates",
        json={"country": "BD", "parcels": [{"vendorId": str(shop), "goods": PRICE}]},
    )  # fmt: skip
    assert [o["name"] for o in rates.json()[0]["options"]] == ["Post"]


async def test_parcels_are_seen_by_those_who_may(ask: Client, shipping: ShippingService) -> None:
    shop = ids.new()
    one = await shipping.book(
        system, id=ids.new(), vendor_order_id=ids.new(), vendor_id=shop, carrier="DHL"
    )
    owner = token(ids.new(), "vendor:orders", vendor_id=shop)
    rival = token(ids.new(), "vendor:orders", vendor_id=ids.new())
    assert [s["id"] for s in (await ask(owner, "GET", "/shipments")).json()["items"]] == [
        str(one.id)
    ]
    for path in (f"/shipments/{one.id}", f"/shipments/{one.id}/track"):
        assert (await ask(owner, "GET", path)).json()["trackingNumber"] == one.tracking_number
        assert (await ask(rival, "GET", path)).status_code == 404
    tracked = await ask(None, "GET", f"/shipping/track/{one.tracking_number}")
    assert tracked.json()["status"] == "in_transit"
    assert (await ask(None, "GET", "/shipping/track/unknown")).status_code == 404
    assert (await ask(token(ids.new()), "GET", "/shipments")).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"country": "Bangladesh"},
        {"parcels": []},
        {"parcels": [{"vendorId": "x", "goods": PRICE}]},
        {"parcels": [{"vendorId": str(ids.new()), "goods": {"minor": "3", "currency": "EUR"}}]},
        {"parcels": [{"vendorId": str(ids.new()), "goods": PRICE, "weightG": -1}]},
        {"parcels": [{"vendorId": str(ids.new()), "goods": PRICE}] * 51},
    ],
)
async def test_bad_questions(ask: Client, change: dict[str, Any]) -> None:
    body = {"country": "BD", "parcels": [{"vendorId": str(ids.new()), "goods": PRICE}], **change}
    answer = await ask(None, "POST", "/shipping/rates", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
