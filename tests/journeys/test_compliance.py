"""Rules that listings keep to, old addresses of categories, and notices when something is taken
down."""

from uuid import uuid4

from tests.journeys.box import Box
from tests.journeys.scene import draft, open_shop


async def test_rules_stop_or_warn(box: Box) -> None:
    staff = await box.staff()
    shop = await open_shop(box, "Rule House", price=1000, stock=5)
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Watches"})
    below = await staff.ok("POST", "/admin/categories", {"name": "Old", "parentId": shelf["id"]})
    words, brand = uuid4(), uuid4()
    body = {"name": "No copies", "kind": "words", "words": ["Replica"], "categoryId": shelf["id"]}
    try:
        await staff.ok("PUT", f"/admin/listing-rules/{words}", body)
        body = {"name": "Brands", "kind": "brand", "blocking": False, "categoryId": shelf["id"]}
        await staff.ok("PUT", f"/admin/listing-rules/{brand}", body)
        lacking = await staff.send(
            "PUT", f"/admin/listing-rules/{uuid4()}", {"name": "X", "kind": "text"}
        )
        assert (lacking.status_code, lacking.json()["errors"][0]["path"]) == (422, "least")
        made = await shop.owner.ok(
            "POST", "/products", {**draft("Replica watch", "w-1", 900), "categoryId": below["id"]}
        )
        path = f"/products/{made['id']}"
        refused = await shop.owner.post(f"{path}/submit")
        assert (refused.status_code, refused.json()["code"]) == (422, "listing_rules")
        assert refused.json()["errors"][0]["path"] == "title"
        said = await shop.owner.ok("GET", f"{path}/objections")
        assert [(o["blocking"], o["path"]) for o in said["items"]] == [
            (True, "title"),
            (False, "brand"),
        ]
        other = await open_shop(box, "Rule Other", price=1000, stock=5)
        assert (await other.owner.get(f"{path}/objections")).status_code == 404
        # Mended, it is only warned of: it waits for a look even where a rule would approve it.
        mended = {"title": "Wrist watch", "descriptionHtml": "<p>Ticks.</p>"}
        await shop.owner.ok("PATCH", path, mended)
        approves = uuid4()
        await staff.ok("PUT", f"/admin/approval-rules/{approves}", {"vendorId": shop.id})
        waiting = await shop.owner.ok("POST", f"{path}/submit")
        assert waiting["status"] == "pending"
        await staff.ok("DELETE", f"/admin/approval-rules/{approves}")
        await staff.ok("PATCH", f"/admin/products/{made['id']}/approve", {"decision": "approve"})
        # On sale it cannot be changed into what would not have come on sale.
        sly = await shop.owner.patch(path, {"title": "Replica again"})
        assert (sly.status_code, sly.json()["code"]) == (422, "listing_rules")
        # A rule made later leaves what is on sale as it is, and lets it be changed otherwise.
        late = {"name": "Pictures", "kind": "pictures", "least": 1, "categoryId": shelf["id"]}
        await staff.ok("PUT", f"/admin/listing-rules/{brand}", late)
        await shop.owner.ok("PATCH", path, {"title": "Wrist watches"})
    finally:
        for id in (words, brand):
            await staff.ok("DELETE", f"/admin/listing-rules/{id}")
    assert (await staff.ok("GET", "/admin/listing-rules"))["items"] == []


async def test_a_category_keeps_its_old_addresses(box: Box) -> None:
    staff, guest = await box.staff(), box.guest()
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Lamps", "icon": "💡"})
    for slug in ("lights", "lanterns"):
        await staff.ok("PATCH", f"/admin/categories/{shelf['id']}", {"slug": slug})
    for old in ("lamps", "lights"):
        answer = await guest.get(f"/categories/{old}")
        assert answer.status_code == 301
        assert answer.headers["location"] == "/api/v1/categories/lanterns"
    page = await box.http.get(f"{box.address}/categories/lamps", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (301, "/categories/lanterns")
    shown = await box.http.get(f"{box.address}/categories/lanterns")
    assert '<link rel="canonical"' in shown.text
    assert '<h1><span aria-hidden="true">💡</span> Lamps</h1>' in shown.text
    tree = await box.http.get(f"{box.address}/categories")
    assert "💡" in tree.text
    # Another may have an address that nobody has any more; one's own comes back, too.
    other = await staff.ok("POST", "/admin/categories", {"name": "Lamps"})
    assert (await guest.ok("GET", "/categories/lamps"))["id"] == other["id"]
    await staff.ok("PATCH", f"/admin/categories/{shelf['id']}", {"slug": "lights"})
    assert (await guest.ok("GET", "/categories/lights"))["id"] == shelf["id"]
    assert (await guest.get("/categories/lanterns")).status_code == 301
    assert (await guest.get("/categories/nowhere-at-all")).status_code == 404


async def test_all_who_sell_it_are_told(box: Box) -> None:
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "both"})
    one = await open_shop(box, "Told One", price=1000, stock=5)
    two = await open_shop(box, "Told Two", price=1000, stock=5)
    offer = {"sku": "T2", "price": {"minor": 900, "currency": "USD"}}
    await two.owner.ok("POST", f"/products/{one.product['id']}/offers", offer)
    path = f"/admin/products/{one.product['id']}/approve"
    await staff.ok("PATCH", path, {"decision": "take_down", "reason": "It is a scam."})
    await box.settle()
    for shop in (one, two):
        found = await shop.owner.ok("GET", "/notifications")
        assert any("It is a scam." in note["body"] for note in found["items"])


async def test_a_patch_takes_the_category_away(box: Box) -> None:
    staff = await box.staff()
    shop = await open_shop(box, "Patch House", price=1000, stock=5)
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Patches"})
    path = f"/products/{shop.product['id']}"
    assert (await shop.owner.ok("PATCH", path, {"categoryId": shelf["id"]}))["categoryId"]
    kept = await shop.owner.ok("PATCH", path, {"title": "Patch"})
    assert kept["categoryId"] == shelf["id"]
    gone = await shop.owner.ok("PATCH", path, {"categoryId": None, "title": None, "brand": None})
    assert (gone["categoryId"], gone["title"]) == (None, "Patch")
