"""Webhooks from outside: a vendor's program is told of an order, once, and of nobody else's."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from haat.kernel.clock import SettableClock
from tests.domains.reach.receiver import WAIT_S, Heard, receiving
from tests.journeys.box import Box, free_port
from tests.journeys.conftest import APART, SHAPE
from tests.journeys.scene import Shop, deliver, open_shop, part_of, pay, quote

SETTINGS = {"HAAT_WEBHOOKS_ALLOW_PRIVATE": "127.0.0.0/8", "HAAT_WEBHOOKS_ALLOW_HTTP": "1"}
CLOCK = SettableClock  # where all of the market is in this process
pytestmark = pytest.mark.skipif(
    SHAPE in APART, reason="the time and the settings of other processes cannot be set"
)
EVENTS = ["order.created", "order.paid", "order.status.updated", "order.shipped"]


async def listening(shop: Shop, url: str, events: list[str]) -> dict[str, Any]:
    """The endpoint and its secret."""
    body = {"url": url, "events": events}
    made: dict[str, Any] = await shop.owner.ok("POST", f"/vendors/{shop.id}/webhooks", body)
    return made


def verified(one: Heard, secret: str) -> dict[str, Any]:
    """What it says, after somebody else's library has looked at it. Raises for a forged one."""
    said: dict[str, Any] = Webhook(secret).verify(one.body, one.headers)
    return said


async def bought(box: Box, offers: dict[str, int]) -> Any:
    customer = await box.person("ada@example.com", "Ada Byron")
    quoted = await quote(customer, offers)
    answer = await pay(customer, quoted["id"], await box.token("4242424242424242"))
    assert answer.status_code == 201, answer.text
    await box.settle()
    return answer.json()


async def until(box: Box, shop: Shop, endpoint: str, state: str, count: int) -> list[Any]:
    """The endpoint's deliveries in this state, once there are that many."""
    async with asyncio.timeout(WAIT_S):
        while True:
            path = f"/vendors/{shop.id}/webhooks/{endpoint}/deliveries?state={state}&limit=100"
            found: list[Any] = (await shop.owner.ok("GET", path))["items"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_an_order_of_two_vendors_is_told_to_each_in_part(box: Box) -> None:
    clay = await open_shop(box, "Clay House", price=1299, stock=9)
    loom = await open_shop(box, "Loom Works", price=4500, stock=9)
    async with receiving() as receiver:
        ours = await listening(clay, f"{receiver.url}/clay", EVENTS)
        theirs = await listening(loom, f"{receiver.url}/loom", EVENTS)
        placed = await bought(box, {clay.offer: 2, loom.offer: 1})
        await receiver.until(4)
        parts = [await part_of(shop, placed) for shop in (clay, loom)]
        for shop, made, part, quantity in (
            (clay, ours, parts[0], 2),
            (loom, theirs, parts[1], 1),
        ):
            heard = receiver.of(f"/hooks/{'clay' if shop is clay else 'loom'}")
            said = [verified(one, made["secret"]) for one in heard]
            assert {one["type"] for one in said} == {"order.created", "order.paid"}
            for one in said:
                assert one["data"]["vendorId"] == shop.id
                assert one["data"]["vendorOrderId"] == part["id"]
                [line] = one["data"]["lines"]
                assert (line["offerId"], line["quantity"]) == (shop.offer, quantity)
        texts = {
            shop.id: b"".join(
                one.body for one in receiver.of(f"/hooks/{'clay' if shop is clay else 'loom'}")
            )
            for shop in (clay, loom)
        }
        for shop, other, foreign in ((clay, loom, parts[1]), (loom, clay, parts[0])):
            for secret in (other.id, other.offer, foreign["id"], foreign["number"]):
                assert secret.encode() not in texts[shop.id]
            for personal in (b"Ada", b"ada@example.com", b"Analytical"):
                assert personal not in texts[shop.id]
        # One of them goes on; the other hears nothing of it.
        receiver.heard.clear()
        await deliver(box, clay, parts[0])
        await receiver.until(2)
        await until(box, clay, ours["endpoint"]["id"], "delivered", 4)
        types = {one.said["type"] for one in receiver.heard}
        assert types == {"order.status.updated", "order.shipped"}
        assert receiver.of("/hooks/loom") == []
        # And of what belongs to the other nobody can be shown, or sent, anything.
        [delivery, *_] = await until(box, loom, theirs["endpoint"]["id"], "delivered", 2)
        for vendor in (loom.id, clay.id):
            at = f"/vendors/{vendor}/webhooks/deliveries/{delivery['id']}"
            assert (await clay.owner.get(at)).status_code == 404
            assert (await clay.owner.post(f"{at}/replay")).status_code == 404


async def test_a_receiver_that_is_down_is_told_later_and_once(box: Box) -> None:
    shop = await open_shop(box, "Tea Room", price=700, stock=9)
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    made = await listening(shop, url, ["order.paid"])
    endpoint = made["endpoint"]["id"]
    await bought(box, {shop.offer: 1})
    clock = box.runtime.clock
    assert isinstance(clock, SettableClock)
    tried = await _tried(box, shop, endpoint, 1)
    assert (tried["state"], tried["error"]) == ("waiting", "Nobody answers at this address.")
    async with receiving(port) as receiver:
        clock.advance(timedelta(seconds=7))
        [one] = await receiver.until(1)
        assert verified(one, made["secret"])["type"] == "order.paid"
        [done] = await until(box, shop, endpoint, "delivered", 1)
        assert done["attempts"] == 2
        assert done["messageId"] == one.id
        clock.advance(timedelta(minutes=4))
        await shop.owner.ok("POST", f"/vendors/{shop.id}/webhooks/{endpoint}/test")
        _, test = await receiver.until(2)
        assert test.said["type"] == "webhook.test"
        assert test.id != one.id


async def _tried(box: Box, shop: Shop, endpoint: str, times: int) -> Any:
    """The endpoint's one delivery, once it was tried that often."""
    async with asyncio.timeout(WAIT_S):
        while True:
            path = f"/vendors/{shop.id}/webhooks/{endpoint}/deliveries"
            found = (await shop.owner.ok("GET", path))["items"]
            if found and found[0]["attempts"] >= times:
                assert len(found) == 1
                return found[0]
            await asyncio.sleep(0.05)


async def test_a_key_of_the_vendors_keeps_webhooks(box: Box) -> None:
    """A program registers where it listens by itself, and sees its own vendor's alone."""
    shop = await open_shop(box, "Paper Mill", price=100, stock=9)
    body = {"name": "ERP", "scopes": ["vendor:webhooks", "vendor:orders"]}
    key = await shop.owner.ok("POST", f"/vendors/{shop.id}/api-keys", body)
    program = box.guest()
    program.token = key["secret"]
    hook: dict[str, Any] = {"url": "http://127.0.0.1:9999/in", "events": ["order.paid"]}
    at = f"/vendors/{shop.id}/webhooks"
    made = await program.ok("POST", at, hook)
    assert [one["id"] for one in await program.ok("GET", at)] == [made["endpoint"]["id"]]
    money = {"url": "http://127.0.0.1:9999/in2", "events": ["payout.processed"]}
    refused = await program.post(at, money)
    assert (refused.status_code, refused.json()["code"]) == (422, "event_forbidden")
    # A secret is told once: the same request again is another one, which is refused.
    again = await program.post(at, hook, key="same")
    twice = await program.post(at, hook, key="same")
    assert {again.status_code, twice.status_code} == {409}
    inside = {**hook, "url": "http://169.254.169.254/latest/meta-data/"}
    led = await program.post(at, inside)
    assert (led.status_code, led.json()["errors"][0]["path"]) == (422, "url")
    other = await open_shop(box, "Ink Well", price=100, stock=9)
    assert (await program.get(f"/vendors/{other.id}/webhooks")).status_code == 404
