"""Mutations: what is refused is an answer by field; who may not ask at all is told in `errors`."""

from typing import Any
from uuid import uuid4

from tests.gateways.graphql.asking import ask, data, post, refused
from tests.gateways.town import Town

ADD = """mutation Add($input: CartItemInput!) { cartAdd(input: $input) { __typename
  ... on Cart { uuid count goods { minor } groups { vendorName
    lines { quantity title price { minor } amount { minor } offer { uuid } } } }
  ... on Refused { code httpStatus message fields { path code } } } }"""
PUT = ADD.replace("Add", "Put").replace("cartAdd", "cartPut")
OFFER = """mutation Offer($input: OfferInput!) { offerChange(input: $input) { __typename
  ... on Offer { uuid sku price { minor } compareAt { minor } status handlingDays }
  ... on Refused { code httpStatus fields { path code } } } }"""
STOCK = """mutation Stock($input: StockInput!) { stockSet(input: $input) { __typename
  ... on Stock { offerUuid onHand available reserved }
  ... on Refused { code httpStatus fields { path code } } } }"""


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


async def test_a_guests_cart(town: Town) -> None:
    offer = town.loom.offer
    added = (await data(town.box, ADD, input={"offer": offer, "quantity": 2}))["cartAdd"]
    assert (added["__typename"], added["count"], added["goods"]["minor"]) == ("Cart", 2, 1800)
    [group] = added["groups"]
    assert group["vendorName"] == "Loom Works"
    assert group["lines"][0]["offer"]["uuid"] == offer
    input = {"offer": offer, "quantity": 5, "cart": added["uuid"]}
    put = (await data(town.box, PUT, input=input))["cartPut"]
    assert (put["uuid"], put["count"]) == (added["uuid"], 5)
    query = "query Mine($id: UUID) { cart(id: $id) { count } }"
    assert (await data(town.box, query, id=added["uuid"]))["cart"]["count"] == 5
    assert (await data(town.box, query))["cart"]["count"] == 0
    rest = await town.box.http.get(
        f"{town.box.address}/api/v1/cart", headers={"x-cart-id": added["uuid"]}
    )
    assert rest.json()["items"][0]["quantity"] == 5


async def test_refusals_are_answers_by_field(town: Town) -> None:
    offer = town.loom.offer
    for input, code, path in (
        ({"offer": offer, "quantity": 0}, "invalid", "input.quantity"),
        ({"offer": offer, "quantity": 1000}, "invalid", "input.quantity"),
        ({"offer": "nonsense", "quantity": 1}, "id_invalid", "input.offer"),
        ({"offer": str(uuid4()), "quantity": 1}, "not_buyable", None),
        ({"offer": offer, "quantity": 999}, "out_of_stock", None),
    ):
        found = (await data(town.box, ADD, input=input))["cartAdd"]
        assert (found["__typename"], found["code"]) == ("Refused", code), found
        assert [one["path"] for one in found["fields"]][:1] == ([path] if path else [])
    error = await refused(town.box, ADD, input={"offer": offer})
    assert error["extensions"]["code"] == "graphql_invalid"


async def test_a_vendor_changes_its_own_offer_and_nobody_elses(town: Town) -> None:
    shop, owner = town.clay, town.clay.owner
    input: dict[str, Any] = {"offer": shop.offer, "price": usd(1500), "compareAt": usd(2000)}
    changed = (await data(town.box, OFFER, owner, input=input))["offerChange"]
    assert (changed["price"]["minor"], changed["compareAt"]["minor"]) == (1500, 2000)
    input = {"offer": shop.offer, "price": usd(1200)}
    changed = (await data(town.box, OFFER, owner, input=input))["offerChange"]
    assert changed["compareAt"]["minor"] == 2000  # what is not given stays
    input = {"offer": shop.offer, "compareAt": None}
    changed = (await data(town.box, OFFER, owner, input=input))["offerChange"]
    assert (changed["price"]["minor"], changed["compareAt"]) == (1200, None)
    input = {"offer": shop.offer, "price": usd(1)}
    other = (await data(town.box, OFFER, town.loom.owner, input=input))["offerChange"]
    assert (other["__typename"], other["code"], other["httpStatus"]) == (
        "Refused",
        "not_found",
        404,
    )
    for client, status in ((None, 401), (town.customer, 403)):
        answer = await ask(town.box, OFFER, client, input=input)
        assert answer["data"] is None
        assert answer["errors"][0]["extensions"]["status"] == status
        assert answer["errors"][0]["path"] == ["offerChange"]


async def test_what_is_wrong_with_an_offer_is_told_by_field(town: Town) -> None:
    offer, owner = town.clay.offer, town.clay.owner
    for more, path in (
        ({"price": {"minor": 5, "currency": "EUR"}}, "input.price"),
        ({"price": {"minor": -5, "currency": "USD"}}, "input.price"),
        ({"price": {"minor": 5, "currency": "dollars"}}, "input.price.currency"),
        ({"sku": ""}, "input.sku"),
        ({"handlingDays": 61}, "input.handlingDays"),
    ):
        found = (await data(town.box, OFFER, owner, input={"offer": offer, **more}))["offerChange"]
        assert found["__typename"] == "Refused", found
        assert found["fields"][0]["path"] == path
    for minor in (1 << 60, "5", 1.5, True):
        input = {"offer": offer, "price": {"minor": minor, "currency": "USD"}}
        error = await refused(town.box, OFFER, owner, input=input)
        assert error["extensions"]["code"] == "graphql_invalid"


async def test_stock_is_set_by_its_vendor(town: Town) -> None:
    shop = town.loom
    input = {"offer": shop.offer, "onHand": 33}
    found = (await data(town.box, STOCK, shop.owner, input=input))["stockSet"]
    assert (found["onHand"], found["available"]) == (33, 33 - found["reserved"])
    other = (await data(town.box, STOCK, town.clay.owner, input=input))["stockSet"]
    assert (other["code"], other["httpStatus"]) == ("not_found", 404)
    wrong = {"offer": shop.offer, "onHand": -1}
    refusal = (await data(town.box, STOCK, shop.owner, input=wrong))["stockSet"]
    assert refusal["fields"][0]["path"] == "input.onHand"


async def test_the_same_key_does_it_once(town: Town) -> None:
    body = {"query": ADD, "variables": {"input": {"offer": town.loom.offer, "quantity": 1}}}
    key = uuid4().hex
    first, second = [await post(town.box, body, idempotency_key=key) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"


async def test_who_asks_is_checked_as_in_rest(town: Town) -> None:
    answer = await post(town.box, {"query": "{ market { name } }"}, authorization="Bearer nonsense")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    answer = await post(
        town.box, {"query": "{ market { name } }"}, town.clay.owner, x_vendor_id=town.loom.id
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "vendor_not_in_token")


async def test_only_its_vendor_and_staff_see_the_price_that_wins(town: Town) -> None:
    product = town.clay.product["id"]
    shelf: Any = await town.loom.owner.ok(
        "POST", f"/products/{product}/offers", {"sku": "loom-pot", "price": usd(1100)}
    )
    await town.loom.owner.ok("PUT", f"/inventory/{shelf['id']}", {"onHand": 5})
    await town.box.settle()
    query = """query W($ref: String!) { product(ref: $ref) { variants { offers {
      vendor { name } standing { place winsAt { minor } } } } } }"""
    seen = {}
    for name, client in (("guest", None), ("loom", town.loom.owner)):
        found = await data(town.box, query, client, ref=product)
        offers = found["product"]["variants"][0]["offers"]
        assert sorted(one["standing"]["place"] for one in offers) == [1, 2]
        seen[name] = {one["vendor"]["name"] for one in offers if one["standing"]["winsAt"]}
    assert seen["guest"] == set()
    assert seen["loom"] <= {"Loom Works"}
