"""A customer group's prices and other currencies over GraphQL: the figures of REST, and each
contract asked once."""

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from haat.engines.cache.memory import MemoryCache
from haat.gateways.graphql import Gate, GraphqlSettings
from haat.gateways.graphql.engine import Ask
from haat.kernel.context import Actor, Context
from tests.gateways.graphql.asking import data, refused
from tests.gateways.graphql.test_loading import Counting
from tests.gateways.town import Town

LIST = """query List($in: String) { products { nodes { slug
  priceFrom(currency: $in) { minor currency } priceTo(currency: $in) { minor }
  usualPrice(currency: $in) { minor } priceNote
  variants { offers { price(currency: $in) { minor currency } usualPrice { minor } priceNote
    compareAt { minor } lowestBefore { minor } } }
} } }"""
CART = """{ cart { goods { minor } groups { goods { minor } lines {
  quantity price { minor } amount { minor } usualPrice { minor } priceNote } } } }"""


async def listed(town: Town, slug: str, *client: Any, **variables: Any) -> Any:
    found = await data(town.box, LIST, *client, **variables)
    [node] = [one for one in found["products"]["nodes"] if one["slug"] == slug]
    return node


async def test_a_member_is_told_what_rest_and_a_quote_say(town: Town) -> None:
    clay, slug, staff = town.clay, town.clay.product["slug"], await town.box.staff()
    member, other = town.customer, town.other
    group = await staff.ok("POST", "/admin/customer-groups", {"name": "Potters"})
    people = {"personIds": [member.person["id"], clay.owner.person["id"]]}
    await staff.ok("POST", f"/admin/customer-groups/{group['id']}/members", people)
    body = {"groupId": group["id"], "name": "Potters",
            "entries": [{"offBp": 2_500, "vendorId": clay.id}]}  # fmt: skip
    await staff.ok("PUT", f"/admin/price-lists/{uuid4()}", body)
    await staff.ok("PUT", "/admin/currencies", {"code": "EUR", "rate": "0.5", "source": "ECB"})

    own = await listed(town, slug, member)
    assert own["priceFrom"] == {"minor": 900, "currency": "USD"}
    assert (own["priceTo"], own["usualPrice"]) == ({"minor": 900}, {"minor": 1_200})
    assert own["priceNote"] == "Potters −25 %"
    [[offer]] = [variant["offers"] for variant in own["variants"]]
    assert (offer["price"]["minor"], offer["usualPrice"]["minor"]) == (900, 1_200)
    rest = await member.ok("GET", f"/products/{slug}")
    assert rest["variants"][0]["offers"][0]["price"]["minor"] == 900
    for someone in ([], [other]):
        seen = await listed(town, slug, *someone)
        assert seen["priceFrom"]["minor"] == 1_200
        assert (seen["usualPrice"], seen["priceNote"]) == (None, "")
    written = await listed(town, slug, clay.owner)
    assert written["variants"][0]["offers"][0]["price"]["minor"] == 1_200

    await member.ok("POST", "/cart/items", {"offerId": clay.offer, "quantity": 2})
    cart = (await data(town.box, CART, member))["cart"]
    [line] = cart["groups"][0]["lines"]
    assert (line["price"]["minor"], line["amount"]["minor"]) == (900, 1_800)
    assert cart["goods"]["minor"] == 1_800
    assert line["usualPrice"] == {"minor": 1_200}

    euro = await listed(town, slug, member, **{"in": "EUR"})
    assert euro["priceFrom"] == {"minor": 450, "currency": "EUR"}
    guest = await listed(town, slug, **{"in": "EUR"})
    assert guest["variants"][0]["offers"][0]["price"] == {"minor": 600, "currency": "EUR"}
    assert (await data(town.box, "{ market { currencies } }"))["market"]["currencies"] == ["EUR"]
    error = await refused(
        town.box, '{ products { nodes { priceFrom(currency: "GBP") { minor } } } }'
    )
    assert error["extensions"]["code"] == "currency_unknown"


async def test_a_list_for_a_member_asks_each_contract_once(town: Town) -> None:
    calls: Counter[str] = Counter()
    runtime = town.box.runtime
    doors = {c: Counting(door, c, calls) for c, door in runtime.doors.items()}

    async def admits(scope: Any) -> bool:
        return True

    gate = Gate(GraphqlSettings(), doors, MemoryCache(), runtime.clock, site="", admits=admits)
    person = Actor("person", UUID(town.customer.person["id"]))
    for actor, pricing in ((Actor("guest"), 0), (person, 2)):
        calls.clear()
        held = frozenset({"person"} if actor.type == "person" else ())
        ctx = Context(actor, held, clock=runtime.clock, request_id="test")
        plan = await gate.engine.plan(Ask(query=LIST))
        answer = await gate.engine.run(plan, gate.inquiry(ctx))
        assert "errors" not in answer, answer["errors"]
        assert len(answer["data"]["products"]["nodes"]) >= 2
        assert max(calls.values()) == 1, calls
        assert sum(n for name, n in calls.items() if name.startswith("pricing.")) == pricing
