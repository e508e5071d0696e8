"""Scenes for journeys: vendors with goods, made over REST as their owners would."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.journeys.box import ADDRESS, Box, Client


@dataclass
class Shop:
    """An approved vendor with its owner's session and one product on sale."""

    owner: Client
    vendor: dict[str, Any]
    product: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.vendor["id"])

    @property
    def offer(self) -> str:
        return str(self.product["variants"][0]["offers"][0]["id"])


def draft(title: str, sku: str, minor: int) -> dict[str, Any]:
    """A product with one variant."""
    return {
        "title": title,
        "descriptionHtml": f"<p>{title}, made to last.</p>",
        "variants": [{"sku": sku, "price": {"minor": minor, "currency": "USD"}, "weightG": 400}],
    }


async def open_shop(box: Box, name: str, *, price: int, stock: int) -> Shop:
    """Registers an owner, applies, is approved, lists one product, gets it approved, stocks it."""
    slug = name.lower().replace(" ", "-")
    owner = await box.person(f"owner@{slug}.example.com", f"Owner of {name}")
    staff = await box.staff()
    vendor = await owner.ok(
        "POST",
        "/vendors/apply",
        {"name": name, "country": "GB", "contactEmail": f"hello@{slug}.example.com"},
    )
    approved = await staff.ok(
        "PATCH", f"/admin/vendors/{vendor['id']}/status", {"decision": "approve"}
    )
    assert approved["status"] == "active"
    await owner.sign_in(f"owner@{slug}.example.com")  # the new token carries the vendor
    await box.settle()
    product = await owner.ok("POST", "/products", draft(f"{name} thing", f"{slug}-1", price))
    await owner.ok("POST", f"/products/{product['id']}/submit")
    await staff.ok("PATCH", f"/admin/products/{product['id']}/approve", {"decision": "approve"})
    shop = Shop(owner, approved, product)
    await owner.ok("PUT", f"/inventory/{shop.offer}", {"onHand": stock})
    await box.settle()
    return shop


async def quote(client: Client, offers: dict[str, int], **more: Any) -> Any:
    """A quote for these offers (id → quantity)."""
    body = {
        "items": [{"offerId": offer, "quantity": count} for offer, count in offers.items()],
        "shipTo": ADDRESS,
        **more,
    }
    if client.token is None:
        body.setdefault("email", "guest@example.com")
    return await client.ok("POST", "/checkout/summary", body)


async def pay(client: Client, quote_id: str, token: str, **more: Any) -> Any:
    """Places the quote with a card token; the answer as it is."""
    body = {"quoteId": quote_id, "payment": {"provider": "test", "token": token}}
    return await client.post("/orders", body, **more)


async def buy(box: Box, client: Client, offers: dict[str, int]) -> Any:
    """A placed and captured order."""
    quoted = await quote(client, offers)
    answer = await pay(client, quoted["id"], await box.token("4242424242424242"))
    assert answer.status_code == 201, answer.text
    await box.settle()
    return answer.json()


async def part_of(shop: Shop, placed: Any) -> Any:
    """The shop's vendor order of a placed order, as its owner sees it listed."""
    listed = await shop.owner.ok("GET", "/orders")
    return next(item for item in listed["items"] if item["orderId"] == placed["orderId"])


async def deliver(box: Box, shop: Shop, part: Any) -> None:
    """Accepts, ships and delivers; the return window closes where it has no length."""
    for step in ("accept", "ship", "deliver"):
        await shop.owner.ok("PUT", f"/orders/{part['id']}/{step}", {} if step == "ship" else None)
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()


async def available(shop: Shop) -> int:
    """What the vendor could be paid now, in minor units."""
    return int((await shop.owner.ok("GET", "/payments/balance"))["available"]["minor"])


async def send_file(
    owner: Client, content: bytes, name: str = "goods.csv", *, part: int = 1 << 22
) -> dict[str, Any]:
    """The run of a file, as it is when its last part has arrived."""
    id, run = uuid4(), {}
    pieces = [content[at : at + part] for at in range(0, len(content), part)] or [b""]
    for number, piece in enumerate(pieces):
        last = "true" if number == len(pieces) - 1 else "false"
        answer = await owner.box.http.put(
            f"{owner.box.address}/api/v1/imports/{id}/parts/{number}?name={name}&last={last}",
            content=piece,
            headers={"authorization": f"Bearer {owner.token}", "idempotency-key": uuid4().hex},
        )
        assert answer.is_success, answer.text
        run = answer.json()
    return run
