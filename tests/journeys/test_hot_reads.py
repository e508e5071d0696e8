"""A page may be old for a moment; what is charged never is."""

from typing import Any

from tests.journeys.box import Box
from tests.journeys.scene import open_shop, pay, quote


def price_on(page: Any) -> int:
    return int(page["variants"][0]["offers"][0]["price"]["minor"])


async def test_an_old_copy_is_shown_and_never_charged(box: Box) -> None:
    shop = await open_shop(box, "Slow Stall", price=1000, stock=10)
    address = f"/products/{shop.product['slug']}"
    guest, customer = box.guest(), await box.person("reads@example.com", "Rea Ds")
    assert price_on(await guest.ok("GET", address)) == 1000
    # Every word of this change is lost: the row alone says it.
    db = box.runtime.databases["catalog"]
    changed = "UPDATE catalog.offers SET price_minor = $2 WHERE id = $1"
    assert await db.execute(changed, shop.offer, 1700) == 1
    assert price_on(await guest.ok("GET", address)) == 1000, "there is a copy"
    assert price_on(await shop.owner.ok("GET", address)) == 1700, "not for its vendor"
    quoted = await quote(customer, {shop.offer: 2})
    assert quoted["totals"]["goods"]["minor"] == 3400
    # What was quoted is charged, whatever happens to price and copies after it.
    assert await db.execute(changed, shop.offer, 2900) == 1
    assert price_on(await guest.ok("GET", address)) == 1000
    placed = await pay(customer, quoted["id"], await box.token("4242424242424242"))
    assert placed.status_code == 201, placed.text
    await box.settle()
    order = await customer.ok("GET", f"/orders/{placed.json()['orderNumber']}")
    assert order["totals"]["total"] == quoted["totals"]["total"]
    assert (await quote(customer, {shop.offer: 1}))["totals"]["goods"]["minor"] == 2900

    # A change in the vendor's own words is there at once, for everybody.
    product = await shop.owner.ok("GET", address)
    variant = product["variants"][0]
    body = {
        "variants": [
            {
                "id": variant["id"],
                "sku": variant["offers"][0]["sku"],
                "price": {"minor": 1300, "currency": "USD"},
            }
        ]
    }
    await shop.owner.ok("PATCH", f"/products/{product['id']}", body)
    assert price_on(await guest.ok("GET", address)) == 1300
    assert price_on(await guest.ok("GET", f"/products/{product['id']}")) == 1300
    await box.settle()


async def test_staff_change_the_tree_and_vendors(box: Box) -> None:
    shop = await open_shop(box, "Swift Stall", price=500, stock=1)
    staff, guest = await box.staff(), box.guest()
    tree = await guest.ok("GET", "/categories")
    made = await staff.ok("POST", "/admin/categories", {"name": "Lamps of brass"})
    names = [c["name"] for c in (await guest.ok("GET", "/categories"))["items"]]
    assert len(names) == len(tree["items"]) + 1
    assert "Lamps of brass" in names
    page = f"/categories/{made['slug']}"
    assert (await guest.ok("GET", page))["products"]["items"] == []
    await shop.owner.ok("PATCH", f"/products/{shop.product['id']}", {"categoryId": made["id"]})
    found = await guest.ok("GET", page)
    assert (len(found["products"]["items"]), found["productCount"]) == (1, 1)

    store = f"/vendors/{shop.vendor['slug']}"
    assert (await guest.ok("GET", store))["description"] == ""
    await shop.owner.ok("PATCH", f"/vendors/{shop.id}", {"description": "Open on Sundays"})
    assert (await guest.ok("GET", store))["description"] == "Open on Sundays"
    decision = {"decision": "suspend", "reason": "an inspection"}
    await staff.ok("PATCH", f"/admin/vendors/{shop.id}/status", decision)
    assert (await guest.get(store)).status_code == 404
    await box.settle()  # the catalogue hears it, and forgets what it kept
    assert (await guest.get(f"/products/{shop.product['slug']}")).status_code == 404
    assert (await guest.ok("GET", page))["products"]["items"] == []
