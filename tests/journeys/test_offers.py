"""Two vendors on one product, over HTTP: found, offered, compared, bought, suspended."""

from typing import Any

import pytest

from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, buy, open_shop, part_of, quote

CODE = "4006381333931"


async def coded(shop: Shop) -> None:
    """Gives the shop's product a barcode."""
    path = f"/products/{shop.product['id']}"
    variant = (await shop.owner.ok("GET", path))["variants"][0]
    offer = variant["offers"][0]
    kept = {k: offer[k] for k in ("sku", "price")}
    body = {"variants": [{"id": variant["id"], **kept, "weightG": 400, "barcode": CODE}]}
    await shop.owner.ok("PATCH", path, body)


async def offered(box: Box, shop: Shop, other: Shop, minor: int, **more: Any) -> Any:
    """The second shop finds the product by its barcode and sells it too, ten of them."""
    found = await other.owner.ok("GET", f"/vendors/me/matches?words={CODE}")
    [match] = [one for one in found["items"] if one["listing"]["id"] == shop.product["id"]]
    assert match["refused"] is None
    sku = f"{other.vendor['slug']}-too"
    body = {"sku": sku, "price": {"minor": minor, "currency": "USD"}, **more}
    offer = await other.owner.ok("POST", f"/products/{match['listing']['id']}/offers", body)
    await other.owner.ok("PUT", f"/inventory/{offer['id']}", {"onHand": 10})
    await box.settle()
    return offer


async def first(client: Client, shop: Shop) -> Any:
    standings = await client.ok("GET", f"/products/{shop.product['slug']}/offers")
    return standings["items"][0]["offer"]["id"]


async def test_two_vendors_on_one_product(box: Box) -> None:
    kettle = await open_shop(box, "Kettle Works", price=2_000, stock=10)
    second = await open_shop(box, "Second Sight", price=500, stock=1)
    await coded(kettle)
    offer = await offered(box, kettle, second, 2_300, handlingDays=2)
    ada = await box.person("ada@offers.example.com")

    # The explanation, and what would win: told to the vendor itself and to nobody else.
    path = f"/products/{kettle.product['slug']}/offers"
    public = (await box.guest().ok("GET", path))["items"]
    assert [one["offer"]["id"] for one in public] == [kettle.offer, offer["id"]]
    assert [one["vendorName"] for one in public] == ["Kettle Works", "Second Sight"]
    for one in public:
        standing = one["standing"]
        assert standing["score"] == sum(part["points"] for part in standing["parts"])
        assert standing["winsAt"] is None
    mine = (await second.owner.ok("GET", path))["items"]
    assert [one["standing"]["winsAt"] is None for one in mine] == [True, False]
    wins_at = mine[1]["standing"]["winsAt"]
    beaten = {"minor": wins_at["minor"] + 1, "currency": "USD"}
    await second.owner.ok("PATCH", f"/offers/{offer['id']}", {"price": beaten})
    assert await first(box.guest(), kettle) == kettle.offer
    await second.owner.ok("PATCH", f"/offers/{offer['id']}", {"price": wins_at})
    assert await first(box.guest(), kettle) == offer["id"], "the counterfactual flips it"

    # One cart, an offer of each: two parts, each at its own price, and each vendor gets its own.
    await box.settle()
    placed = await buy(box, ada, {kettle.offer: 1, offer["id"]: 2})
    order = await ada.ok("GET", f"/orders/{placed['orderNumber']}")
    lines = {
        part["vendorId"]: [(one["offerId"], one["unitPrice"]["minor"]) for one in part["lines"]]
        for part in order["vendorOrders"]
    }
    assert lines == {
        kettle.id: [(kettle.offer, 2_000)],
        second.id: [(offer["id"], wins_at["minor"])],
    }
    for shop in (kettle, second):
        assert (await part_of(shop, placed))["orderId"] == placed["orderId"]
    left = await second.owner.ok("GET", f"/inventory/{offer['id']}")
    assert left["onHand"] - left["reserved"] == 8


async def test_one_offers_fate_is_not_the_others(box: Box) -> None:
    kettle = await open_shop(box, "Pot Works", price=2_000, stock=10)
    second = await open_shop(box, "Pan Works", price=500, stock=1)
    await coded(kettle)
    offer = await offered(box, kettle, second, 1_500)
    staff, ada = await box.staff(), await box.person("ada@fates.example.com")

    # A quote keeps its price, whatever happens to the offer meanwhile.
    quoted = await quote(ada, {offer["id"]: 1})
    await second.owner.ok(
        "PATCH", f"/offers/{offer['id']}", {"price": {"minor": 9_900, "currency": "USD"}}
    )
    kept = await ada.ok("GET", f"/checkout/{quoted['id']}")
    assert kept["groups"][0]["lines"][0]["unitPrice"]["minor"] == 1_500

    async def sellers() -> list[str]:
        answer = await box.guest().get(f"/products/{kettle.product['slug']}")
        if answer.status_code == 404:
            return []
        variants = answer.json()["variants"]
        return [one["vendorId"] for variant in variants for one in variant["offers"]]

    async def decided(shop: Shop, decision: str) -> None:
        body = {"decision": decision, "reason": "a look"}
        await staff.ok("PATCH", f"/admin/vendors/{shop.id}/status", body)
        await box.settle()

    assert await sellers() == [kettle.id, second.id]
    await decided(kettle, "suspend")
    assert await sellers() == [second.id]
    refused = await ada.post("/cart/items", {"offerId": kettle.offer, "quantity": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_buyable")
    await ada.ok("POST", "/cart/items", {"offerId": offer["id"], "quantity": 1})
    found = await box.guest().ok("GET", "/search?q=Pot+Works")
    assert [one["vendorId"] for one in found["items"]] == [second.id]
    await decided(kettle, "reinstate")
    await second.owner.ok("PATCH", f"/offers/{offer['id']}", {"status": "paused"})
    assert await sellers() == [kettle.id]
    await second.owner.ok("PATCH", f"/offers/{offer['id']}", {"status": "active"})
    await kettle.owner.ok("DELETE", f"/products/{kettle.product['id']}")
    assert await sellers() == [second.id], "the other one goes on selling it"


@pytest.mark.parametrize("policy", ["own", "shared"])
async def test_the_markets_policy(box: Box, policy: str) -> None:
    kettle = await open_shop(box, f"First {policy}", price=2_000, stock=10)
    second = await open_shop(box, f"Next {policy}", price=500, stock=1)
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": policy})
    try:
        body = {"sku": "x", "price": {"minor": 100, "currency": "USD"}}
        answer = await second.owner.post(f"/products/{kettle.product['id']}/offers", body)
        assert answer.status_code == (403 if policy == "own" else 201), answer.text
    finally:
        await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "both"})
    listed = await staff.ok("PUT", f"/admin/products/{kettle.product['id']}/vendors",
                            {"vendorIds": []})  # fmt: skip
    assert listed == {"vendorIds": []}
    body = {"sku": "y", "price": {"minor": 100, "currency": "USD"}, "condition": "used-good"}
    answer = await second.owner.post(f"/products/{kettle.product['id']}/offers", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "vendor_not_listed")
