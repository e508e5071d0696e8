"""A small town: two vendors, two customers and staff, who own rows that others want."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import Identity, StaffRole
from tests.journeys.box import ADDRESS, Box, Client
from tests.journeys.scene import Shop, buy, open_shop, quote, send_file

UPLOAD = {"contentType": "image/png", "sizeBytes": 1000, "kind": "product"}
ROLES: tuple[StaffRole, ...] = ("support", "moderator", "finance")


@dataclass
class Town:
    """`clay` and its `customer` own the rows; everybody else wants them."""

    box: Box
    clay: Shop
    loom: Shop
    customer: Client
    other: Client
    staff: dict[str, Client] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)  # name of a parameter → id of clay's row


async def settled(box: Box) -> Town:
    """The town, with a row of everything."""
    clay = await open_shop(box, "Clay House", price=1_200, stock=50)
    loom = await open_shop(box, "Loom Works", price=900, stock=50)
    customer, other = await box.person("ada@example.com"), await box.person("bob@example.com")
    found = Town(box, clay, loom, customer, other)
    found.rows = await _rows(box, clay, customer)
    for role in ROLES:
        found.staff[role] = await officer(box, f"{role}@staff.example.com", role)
    return found


async def officer(box: Box, email: str, role: StaffRole) -> Client:
    """Somebody of the market's staff with that role alone."""
    client = await box.person(email)
    ctx = box.runtime.system_context("test")
    person_id = UUID(client.person["id"])
    await box.runtime.inner[Identity].grant_staff(ctx, person_id=person_id, role=role)
    await client.sign_in(email)
    return client


async def _rows(box: Box, shop: Shop, customer: Client) -> dict[str, str]:
    """One row of everything the shop and its customer own."""
    placed = await buy(box, customer, {shop.offer: 1})
    order = await customer.ok("GET", f"/orders/{placed['orderNumber']}")
    part = order["vendorOrders"][0]["id"]
    await shop.owner.ok("PUT", f"/orders/{part}/accept")
    await shop.owner.ok("PUT", f"/orders/{part}/ready")
    sent = await shop.owner.ok("PUT", f"/orders/{part}/ship", {"carrier": "Post"})
    bank = {"holder": "Clay House", "account": "GB00CLAY12345678"}
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/bank", bank)
    method = {"name": "Cart", "bands": [{"price": {"minor": 500, "currency": "USD"}}]}
    kept = await shop.owner.ok("POST", f"/vendors/{shop.id}/shipping-methods", method)
    address = await customer.ok("POST", "/me/addresses", {**ADDRESS})
    await box.settle()
    shelf = await (await box.staff()).ok("POST", "/admin/categories", {"name": "Pots"})
    notes: Any = await customer.ok("GET", "/notifications")
    [warehouse] = await shop.owner.ok("GET", "/warehouses")
    wanted = {"title": "Jar", "sku": "JAR", "price": {"minor": 500, "currency": "USD"}}
    asked = await shop.owner.ok("POST", "/product-requests", wanted)
    run = await send_file(shop.owner, b"title,price\nMug,5\n")
    sale = {
        "price": {"minor": 900, "currency": "USD"},
        "startsAt": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "endsAt": (datetime.now(UTC) + timedelta(days=31)).isoformat(),
    }
    planned = await shop.owner.ok("POST", f"/offers/{shop.offer}/scheduled-prices", sale)
    upload = await shop.owner.ok("POST", "/media/uploads", UPLOAD)
    return {
        "schedule": planned["id"],
        "tax_class": "reduced",
        "vendor": shop.id,
        "warehouse": warehouse["id"],
        "import": run["id"],
        "request": asked["id"],
        "upload": upload["id"],
        "category": shelf["id"],
        "product": shop.product["id"],
        "offer": shop.offer,
        "sku": "clay-house-1",
        "order": order["id"],
        "number": order["number"],
        "part": part,
        "shipment": sent["shipments"][0]["id"],
        "tracking": sent["shipments"][0]["trackingNumber"],
        "method": kept["id"],
        "address": address["id"],
        "notification": notes["items"][0]["id"],
        "quote": (await quote(customer, {shop.offer: 1}))["id"],
    }
