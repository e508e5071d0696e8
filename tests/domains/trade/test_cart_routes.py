"""The cart over REST, for guests by header and for persons."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.cart.api import Cart
from haat.domains.trade.cart.routes import router
from haat.domains.trade.cart.service import CartService, CartSettings
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import ids, signer
from tests.domains.trade.rest import Client, served, token
from tests.domains.trade.test_cart import FakeCatalog, FakeInventory


@pytest.fixture
def stock() -> FakeInventory:
    return FakeInventory()


@pytest_asyncio.fixture(loop_scope="session")
async def ask(database_of: DatabaseOf, stock: FakeInventory) -> AsyncIterator[Client]:
    db = await database_of("cart")
    service = CartService(db, FakeCatalog(), stock, signer(), CartSettings())
    async with served(Cart, service, router) as client:
        yield client


async def test_a_guest_shops_and_signs_in(ask: Client) -> None:
    one, two = str(ids.new()), str(ids.new())
    assert (await ask(None, "GET", "/cart")).json() == {"id": None, "cartId": None, "items": []}
    first = await ask(None, "POST", "/cart/items", json={"offerId": one})
    header = {"X-Cart-Id": first.json()["cartId"]}
    await ask(None, "POST", "/cart/items", json={"offerId": two, "quantity": 2}, headers=header)
    path = f"/cart/items/{one}"
    await ask(None, "PATCH", path, json={"quantity": 4}, headers=header)
    seen = (await ask(None, "GET", "/cart", headers=header)).json()
    assert {i["offerId"]: i["quantity"] for i in seen["items"]} == {one: 4, two: 2}
    who = token(ids.new())
    merged = await ask(who, "POST", "/cart/merge", json={"cartId": header["X-Cart-Id"]})
    assert merged.json()["items"] == seen["items"]
    assert merged.json()["cartId"] != seen["cartId"]
    await ask(who, "PATCH", f"/cart/items/{two}", json={"quantity": 1})
    left = await ask(who, "DELETE", path)
    price = {"minor": 1, "currency": "EUR"}
    assert left.json()["items"] == [{"offerId": two, "quantity": 1, "price": price}]
    assert (await ask(who, "DELETE", f"/cart/items/{two}")).json()["items"] == []
    assert (await ask(None, "GET", "/cart", headers=header)).json()["items"] == []


async def test_out_of_stock_says_what_is_left(ask: Client, stock: FakeInventory) -> None:
    offer = ids.new()
    stock.left[offer] = 1
    answer = await ask(None, "POST", "/cart/items", json={"offerId": str(offer), "quantity": 2})
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    assert answer.json()["offers"] == [{"offerId": str(offer), "available": 1}]


@pytest.mark.parametrize(
    ("method", "path", "body", "cart_id"),
    [
        ("POST", "/cart/items", {}, None),
        ("POST", "/cart/items", {"offerId": "x"}, None),
        ("POST", "/cart/items", {"offerId": str(ids.new()), "quantity": 0}, None),
        ("POST", "/cart/items", {"offerId": str(ids.new()), "quantity": 1000}, None),
        ("POST", "/cart/items", {"offerId": str(ids.new()), "quantity": "2"}, None),
        ("POST", "/cart/items", {"offerId": str(ids.new()), "price": 1}, None),
        ("PATCH", f"/cart/items/{UUID(int=7)}", {"quantity": -1}, None),
        ("PATCH", "/cart/items/x", {"quantity": 1}, None),
        ("GET", "/cart", None, "not-an-id"),
        ("POST", "/cart/merge", {"cartId": "x"}, None),
    ],
)
async def test_bad_requests(
    ask: Client, method: str, path: str, body: dict[str, Any] | None, cart_id: str | None
) -> None:
    headers = {"X-Cart-Id": cart_id} if cart_id else {}
    answer = await ask(token(ids.new()), method, path, json=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


async def test_merging_needs_a_person(ask: Client) -> None:
    answer = await ask(None, "POST", "/cart/merge", json={"cartId": str(ids.new())})
    assert answer.status_code == 401
