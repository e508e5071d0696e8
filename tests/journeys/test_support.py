"""Support sessions: asked for, consented to, masked, reading only, seen by whom it is about."""

import json
from typing import Any
from uuid import uuid4

from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, buy, open_shop
from tests.journeys.test_audit import entries


async def opened(box: Box, shop: Shop, *, write: bool = False) -> tuple[dict[str, Any], Client]:
    """An open session in the shop's portal, and staff in it."""
    staff = await box.staff()
    asked = await staff.ok(
        "POST",
        "/admin/support-sessions",
        {"vendorId": shop.id, "reason": "The import fails.", "write": write},
    )
    assert asked["state"] == "asked"
    early = await staff.post(f"/admin/support-sessions/{asked['id']}/enter")
    assert (early.status_code, early.json()["code"]) == (409, "support_not_open")
    path = f"/me/support-sessions/{asked['id']}"
    consented = await shop.owner.ok("POST", f"{path}/consent", {"write": write})
    assert consented["state"] == "open"
    again = await shop.owner.post(f"{path}/consent", {"write": write})
    assert (again.status_code, again.json()["code"]) == (409, "support_not_asked")
    entrance = await staff.ok("POST", f"/admin/support-sessions/{asked['id']}/enter")
    inside = Client(box)
    inside.token = entrance["accessToken"]
    return asked, inside


async def test_a_session_is_masked_reads_only_and_is_seen(box: Box) -> None:
    shop = await open_shop(box, f"Helped {uuid4().hex[:6]}", price=1_000, stock=9)
    customer = await box.person(f"{uuid4().hex[:8]}@example.com")
    await buy(box, customer, {shop.offer: 1})
    asked, inside = await opened(box, shop)
    listed = await inside.ok("GET", "/orders")
    assert "Ada Byron" not in json.dumps(listed)
    order = await inside.ok("GET", f"/orders/{listed['items'][0]['id']}")
    told = json.dumps(order)
    for planted in ("Ada Byron", "Analytical Row", "London"):
        assert planted not in told
    assert order["shipTo"]["country"] == "GB"
    refused = await inside.put(f"/orders/{order['id']}/accept")
    assert (refused.status_code, refused.json()["code"]) == (403, "support_read_only")
    # Rights are the vendor's, not the staff's: neither the back office nor the team.
    for path in ("/admin/audit", "/admin/people/x/sessions", f"/vendors/{shop.id}/team"):
        assert (await inside.get(path)).status_code in (403, 422), path
    assert (await inside.post(f"/me/support-sessions/{asked['id']}/consent", {})).status_code == 403
    # Its owner sees it, another does not.
    seen = await shop.owner.ok("GET", f"/me/support-sessions/{asked['id']}/visits")
    assert f"/api/v1/orders/{order['id']}" in [one["path"] for one in seen["items"]]
    assert (await customer.get(f"/me/support-sessions/{asked['id']}/visits")).status_code == 404
    assert (await customer.delete(f"/me/support-sessions/{asked['id']}")).status_code == 404
    staff = await box.staff()
    noted = await entries(box, staff, sessionId=asked["id"])
    assert {one["change"] for one in noted} == {"visit"}
    # Over at once, for whoever holds the token.
    ended = await shop.owner.ok("DELETE", f"/me/support-sessions/{asked['id']}")
    assert ended["state"] == "ended"
    assert (await inside.get("/orders")).status_code == 401
    entrance = await staff.post(f"/admin/support-sessions/{asked['id']}/enter")
    assert entrance.status_code == 409


async def test_what_may_be_written_is_noted_as_support(box: Box) -> None:
    shop = await open_shop(box, f"Mended {uuid4().hex[:6]}", price=1_000, stock=9)
    asked, inside = await opened(box, shop, write=True)
    await inside.ok("PUT", f"/inventory/{shop.offer}", {"onHand": 4})
    bank = await inside.put(f"/vendors/{shop.id}/bank", {"holder": "X", "account": "12345678"})
    assert bank.status_code == 403  # a proof is asked for, and nobody here can give it
    noted = await entries(box, await box.staff(), sessionId=asked["id"])
    changed = [one for one in noted if one["change"] != "visit"]
    assert {one["acting"] for one in changed} == {"support"}
    assert {one["vendorId"] for one in changed} == {shop.id}
    own = await shop.owner.ok("GET", f"/vendors/{shop.id}/audit")
    assert "support" in {one["acting"] for one in own["items"]}


async def test_a_customers_account_is_only_looked_at(box: Box) -> None:
    customer = await box.person(f"{uuid4().hex[:8]}@example.com", "Hidden Face")
    id = customer.person["id"]
    staff = await box.staff()
    body = {"personId": id, "reason": "Where is my parcel?"}
    wrong = await staff.post("/admin/support-sessions", {**body, "write": True})
    assert wrong.status_code == 422
    asked = await staff.ok("POST", "/admin/support-sessions", body)
    (told,) = (await customer.ok("GET", "/me/support-sessions"))["items"]
    assert told["reason"] == "Where is my parcel?"
    await customer.ok("POST", f"/me/support-sessions/{asked['id']}/consent", {})
    entrance = await staff.ok("POST", f"/admin/support-sessions/{asked['id']}/enter")
    inside = Client(box)
    inside.token = entrance["accessToken"]
    profile = await inside.ok("GET", "/me/profile")
    assert profile["personId"] == id
    assert "Hidden" not in json.dumps(profile)
    assert (await inside.patch("/me", {"name": "Other"})).status_code == 403
    await staff.ok("DELETE", f"/me/support-sessions/{asked['id']}")
    assert (await inside.get("/me/profile")).status_code == 401
