"""News of stock and price, over WebSocket and as server-sent events."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from haat.gateways.graphql.watch import Listener, News, Seen
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.gateways.graphql.wire import Door, Wire, opened
from tests.gateways.town import Town
from tests.journeys.scene import Shop

STOCK = """subscription Stock($offers: [ID!], $products: [ID!]) {
  stockChanged(offers: $offers, products: $products) {
    offerUuid productUuid initial onSale available was offer { availability { quantity } } } }"""
PRICE = """subscription Price($offers: [ID!], $products: [ID!]) {
  priceChanged(offers: $offers, products: $products) {
    offerUuid initial onSale price { minor } was { minor } offer { price { minor } } } }"""


async def stocked(shop: Shop, on_hand: int) -> None:
    await shop.owner.ok("PUT", f"/inventory/{shop.offer}", {"onHand": on_hand})


async def priced(shop: Shop, minor: int) -> None:
    price = {"minor": minor, "currency": "USD"}
    await shop.owner.ok("PATCH", f"/offers/{shop.offer}", {"price": price})


async def news(wire: Wire, field: str) -> Any:
    found = await wire.next()
    assert found["type"] == "next", found
    return found["payload"]["data"][field]


async def test_stock_and_price_are_told_as_they_change(town: Town) -> None:
    shop = town.loom
    await stocked(shop, 40)
    async with opened(town.box) as door:
        wire = door.wire()
        await wire.begin()
        assert wire.accepted == "graphql-transport-ws"
        wire.subscribe("s", STOCK, offers=[shop.offer])
        first = await news(wire, "stockChanged")
        assert (first["initial"], first["available"], first["onSale"]) == (True, 40, True)
        assert first["productUuid"] == shop.product["id"]
        await stocked(shop, 37)
        second = await news(wire, "stockChanged")
        assert (second["initial"], second["available"], second["was"]) == (False, 37, 40)
        assert second["offer"]["availability"]["quantity"] == 37
        wire.send({"id": "s", "type": "complete"})
        wire.subscribe("p", PRICE, products=[shop.product["id"]])
        assert (await news(wire, "priceChanged"))["price"]["minor"] == 900
        await priced(shop, 950)
        changed = await news(wire, "priceChanged")
        assert (changed["price"]["minor"], changed["was"]["minor"]) == (950, 900)
        assert changed["offer"]["price"]["minor"] == 950
        await priced(shop, 900)
        assert (await news(wire, "priceChanged"))["price"]["minor"] == 900
        await wire.hang_up()


async def test_a_price_is_heard_from_the_event_not_by_looking(town: Town) -> None:
    """With a minute between looks, only the catalogue's word can bring it."""
    shop = town.clay
    async with opened(town.box, graphql_watch_s=60) as door:
        wire = door.wire()
        await wire.begin()
        wire.subscribe("p", PRICE, offers=[shop.offer])
        assert (await news(wire, "priceChanged"))["initial"]
        await priced(shop, 1300)
        assert (await news(wire, "priceChanged"))["price"]["minor"] == 1300
        await priced(shop, 1200)
        assert (await news(wire, "priceChanged"))["price"]["minor"] == 1200
        await wire.hang_up()


async def test_what_goes_off_sale_is_told(town: Town) -> None:
    shop = town.clay
    async with opened(town.box) as door:
        wire = door.wire()
        await wire.begin()
        wire.subscribe("p", PRICE, products=[shop.product["id"]])
        assert (await news(wire, "priceChanged"))["onSale"]
        await shop.owner.ok("PATCH", f"/offers/{shop.offer}", {"status": "paused"})
        gone = await news(wire, "priceChanged")
        assert (gone["onSale"], gone["price"], gone["offer"]) == (False, None, None)
        await shop.owner.ok("PATCH", f"/offers/{shop.offer}", {"status": "active"})
        assert (await news(wire, "priceChanged"))["onSale"]
        await wire.hang_up()


async def test_every_replica_tells_its_own(town: Town) -> None:
    shop = town.loom
    await stocked(shop, 20)
    async with opened(town.box) as one, opened(town.box) as two:
        wires = [one.wire(), two.wire()]
        for wire in wires:
            await wire.begin()
            wire.subscribe("s", STOCK, offers=[shop.offer])
            assert (await news(wire, "stockChanged"))["available"] == 20
        await stocked(shop, 19)
        for wire in wires:
            assert (await news(wire, "stockChanged"))["available"] == 19
            await wire.hang_up()


async def test_a_slow_reader_gets_the_latest_only(town: Town) -> None:
    shop = town.loom
    await stocked(shop, 30)
    async with opened(town.box) as door:
        wire = door.wire()
        await wire.begin()
        wire.subscribe("s", STOCK, offers=[shop.offer])
        assert (await news(wire, "stockChanged"))["available"] == 30
        wire.reading.clear()
        for left in range(29, 19, -1):
            await stocked(shop, left)
            await asyncio.sleep(0.15)  # longer than a look
        assert wire.waiting == 0
        wire.reading.set()
        told = [(await news(wire, "stockChanged"))["available"]]
        while told[-1] != 20:
            told.append((await news(wire, "stockChanged"))["available"])
        assert len(told) <= 3, told  # what was being sent, perhaps one more, and the latest
        await wire.hang_up()


def test_news_that_came_to_nothing_is_none() -> None:
    product, offer = derive(derive_from(), "product"), derive(derive_from(), "offer")
    listener = Listener({product: None}, "stock")
    price = Money(minor=5, currency="USD")
    seen = [Seen(product, price, n) for n in (3, 2, 3)]
    listener.tell(News(offer, seen[1], seen[0]))
    listener.tell(News(offer, seen[2], seen[1]))
    assert not listener._news
    listener.tell(News(offer, Seen(product, Money(minor=6, currency="USD"), 3), seen[2]))
    assert not listener._news  # a price is no news of the stock


def derive_from() -> Any:
    from uuid import UUID

    return UUID(int=7)


async def test_a_connection_has_bounds(town: Town) -> None:
    offer = town.clay.offer
    async with opened(town.box, graphql_max_subscriptions=2, graphql_max_listeners=1) as door:
        wire = door.wire()
        await wire.begin()
        for id in ("a", "b"):
            wire.subscribe(id, STOCK, offers=[offer])
            assert (await wire.next())["id"] == id
        wire.subscribe("c", STOCK, offers=[offer])
        refusal = await wire.next()
        assert (refusal["id"], refusal["type"]) == ("c", "error")
        assert refusal["payload"][0]["extensions"]["code"] == "limited"
        other = door.wire()
        assert (await other.message())["type"] == "websocket.accept"
        assert await other.closed() == 1013
        wire.send({"id": "a", "type": "complete"})
        wire.subscribe("c", STOCK, offers=[offer])
        assert (await wire.next())["type"] == "next"
        door.admitted = False
        wire.send({"id": "c", "type": "complete"})
        wire.subscribe("d", STOCK, offers=[offer])
        assert (await wire.next())["payload"][0]["extensions"]["status"] == 429
        await wire.hang_up()
        again = door.wire()
        await again.begin()
        await again.hang_up()


async def test_a_leaving_process_lets_go(town: Town) -> None:
    async with opened(town.box) as door:
        wire = door.wire()
        await wire.begin()
        wire.subscribe("s", STOCK, offers=[town.clay.offer])
        assert (await wire.next())["type"] == "next"
        idle = door.wire()
        await idle.begin()
        stream = asyncio.create_task(_events(door, town.clay.offer))
        await asyncio.sleep(0.3)
        door.gate.leave()
        assert await wire.closed() == 1001
        assert await idle.closed() == 1001
        told = await asyncio.wait_for(stream, 10)
        assert [kind for kind, _ in told] == ["next"]  # and no `complete`: it goes on elsewhere
        late = door.wire()
        assert await late.closed() == 1001


async def _events(door: Door, offer: str) -> list[tuple[str, Any]]:
    """Every event of a stream, once it has ended."""
    transport = httpx.ASGITransport(app=door.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.post(
            "/graphql",
            json={"query": STOCK, "variables": {"offers": [offer]}},
            headers={"accept": "text/event-stream"},
        )
        assert answer.status_code == 200, answer.text
        return parsed(answer.text)


def parsed(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(":", 1) for line in block.splitlines() if ":" in line[1:])
        if "event" in lines:
            content = lines.get("data", "").strip()
            found.append((lines["event"].strip(), json.loads(content) if content else None))
    return found


async def test_server_sent_events(town: Town) -> None:
    shop = town.loom
    await stocked(shop, 15)
    body = {"query": STOCK, "variables": {"offers": [shop.offer]}}
    headers = {"accept": "text/event-stream"}
    url = f"{town.box.address}/graphql"
    async with town.box.http.stream("POST", url, json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        told: list[Any] = []
        async for line in lines:
            if line.startswith("data: "):
                told.append(json.loads(line[6:])["data"]["stockChanged"])
                if len(told) == 2:
                    break
                await stocked(shop, 14)
        assert [one["available"] for one in told] == [15, 14]
    query = {"query": "{ market { name } }"}
    whole = await town.box.http.post(url, json=query, headers=headers)
    [(kind, found), end] = parsed(whole.text)
    assert (kind, found["data"]["market"]["name"]) == ("next", "Test Market")
    assert end == ("complete", None)
    wrong = {"query": STOCK, "variables": {"offers": ["nonsense"]}}
    refused = await town.box.http.post(url, json=wrong, headers=headers)
    [(_, found), end] = parsed(refused.text)
    assert found["errors"][0]["extensions"]["fields"][0]["path"] == "offers.0"
    plain = await town.box.http.post(url, json=body)
    assert plain.json()["errors"][0]["extensions"]["code"] == "subscription_over_http"
    kept = await town.box.http.post(url, json=body, headers={**headers, "idempotency-key": "k"})
    assert "subscription_over_http" in kept.text


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([{"type": "subscribe", "id": "1", "payload": {"query": STOCK}}], 4401),
        ([{"type": "connection_init"}, {"type": "connection_init"}], 4429),
        (["{"], 4400),
        (["[]"], 4400),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer no"}}], 4403),
        ([{"type": "connection_init"}, {"type": "subscribe", "payload": {}}], 4400),
        ([{"type": "connection_init"}, {"type": "nonsense", "id": "1"}], 4400),
        ([{"type": "connection_init"}, "x" * 70_000], 4400),
    ],
)
async def test_the_protocol_is_kept(town: Town, sent: list[Any], code: int) -> None:
    async with opened(town.box) as door:
        wire = door.wire()
        for message in sent:
            wire.send(message)
        assert await wire.closed() == code


async def test_other_protocols_and_other_operations(town: Town) -> None:
    async with opened(town.box) as door:
        assert await door.wire(protocols=["graphql-ws"]).closed() == 4406
        token = town.customer.token or ""
        wire = door.wire(authorization=f"Bearer {token}")
        await wire.begin()
        wire.send({"type": "ping"})
        assert await wire.next() == {"type": "pong"}
        for id, query, code in (
            ("q", "{ market { name } }", "news_only"),
            ("x", "subscription { stockChanged { nothing } }", "graphql_invalid"),
            ("n", "subscription { stockChanged { available } }", "goods_number"),
            ("u", STOCK, "offer_unknown"),
        ):
            given = {"offers": ["00000000-0000-7000-8000-000000000000"]} if id == "u" else {}
            wire.subscribe(id, query, **given)
            found = await wire.next()
            assert (found["id"], found["type"]) == (id, "error")
            told = found["payload"][0]["extensions"]
            assert code in (told["code"], *(f["code"] for f in told.get("fields", ())))
        await wire.hang_up()
        signed_in = door.wire()
        await signed_in.begin({"authorization": f"Bearer {token}"})
        await signed_in.hang_up()
