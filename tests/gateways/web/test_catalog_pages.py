"""What staff and vendors do with the catalogue in the browser beyond offers."""

from tests.gateways.web.browser import form_in
from tests.gateways.web.test_offer_pages import browser, hidden
from tests.journeys.box import Box
from tests.journeys.scene import draft, open_shop

CODE = "4006381333931"


async def test_a_template_is_filled_in(box: Box) -> None:
    shop = await open_shop(box, "Pot House", price=1_000, stock=3)
    await box.staff()
    async with browser(box, "admin@staff.example.com") as admin:
        form = (await admin.get("/admin/categories")).text
        lines = "size | Size | number | cm | required\ncolour | Colour | choice | red, blue"
        sent = {"id": hidden(form, "id"), "name": "Pots", "icon": "🏺", "active": "on",
                "has_active": "on", "template": lines}  # fmt: skip
        wrong = await admin.post("/admin/categories", data={**sent, "template": "Size"})
        assert wrong.status_code == 422
        assert "Line 1 is not understood." in wrong.text
        assert (await admin.post("/admin/categories", data=sent)).status_code == 303
        page = (await admin.get(f"/admin/categories/{sent['id']}")).text
        assert "size | Size | number | cm | required" in page
    async with browser(box, "owner@pot-house.example.com") as owner:
        made = await shop.owner.ok(
            "POST", "/products", {**draft("Pot", "pot-1", 900), "categoryId": sent["id"]}
        )
        where = f"/vendor/products/{made['id']}"
        page = (await owner.get(where)).text
        assert "Size in cm" in page
        fields = form_in(page, where)
        tried = await owner.post(where, data={**fields, "submit": "on"})
        assert tried.status_code == 303
        assert "not submitted: Fill in Size." in (await owner.get(where)).text
        fields["version"] = hidden((await owner.get(where)).text, "version")
        told = {"s_size": "24", "s_colour": "blue", "submit": "on"}
        told |= {"seo_title": "Pots &c", "seo_description": "Red clay", "seo_keywords": "pot, clay"}
        wrong = await owner.post(where, data={**fields, **told, "s_size": "big"})
        assert wrong.status_code == 422
        assert "Give a number." in wrong.text
        assert (await owner.post(where, data={**fields, **told})).status_code == 303
    staff = await box.staff()
    asked = await staff.ok(
        "PATCH", f"/admin/products/{made['id']}/approve",
        {"decision": "request_changes", "reason": "a picture"},
    )  # fmt: skip
    assert asked["specs"] == {"size": "24", "colour": "blue"}
    async with browser(box, "owner@pot-house.example.com") as owner:
        page = (await owner.get(where)).text
        assert "Please change this before it goes on sale: a picture" in page
    await shop.owner.ok("POST", f"/products/{made['id']}/submit")
    await staff.ok("PATCH", f"/admin/products/{made['id']}/approve", {"decision": "approve"})
    async with browser(box) as guest:
        page = (await guest.get(f"/products/{made['slug']}")).text
        assert "<title>Pots &amp;c" in page
        assert '<meta name="description" content="Red clay">' in page
        assert "24 cm" in page
        assert "blue" in page
        # A new address: the old one leads there, on pages and over REST.
        await shop.owner.ok("PATCH", f"/products/{made['id']}", {"slug": "clay-pot"})
        moved = await guest.get(f"/products/{made['slug']}")
        assert (moved.status_code, moved.headers["location"]) == (301, "/products/clay-pot")
        over_rest = await box.guest().get(f"/products/{made['slug']}")
        assert over_rest.status_code == 301
        assert over_rest.headers["location"] == "/api/v1/products/clay-pot"
        assert (await guest.get("/products/never-there")).status_code == 404


async def test_staff_merge_what_is_there_twice_and_take_down(box: Box) -> None:
    shops = [await open_shop(box, name, price=1_000, stock=3) for name in ("Ant", "Bee")]
    for shop in shops:
        variant = shop.product["variants"][0]
        offer = variant["offers"][0]
        kept = {"id": variant["id"], "sku": offer["sku"], "price": offer["price"], "barcode": CODE}
        await shop.owner.ok("PATCH", f"/products/{shop.product['id']}", {"variants": [kept]})
    kept, gone = (shop.product for shop in shops)
    await box.staff()
    async with browser(box, "admin@staff.example.com") as admin:
        page = (await admin.get("/admin/duplicates")).text
        assert CODE in page
        assert f'action="/admin/products/{kept["id"]}/merge"' in page
        done = await admin.post(f"/admin/products/{kept['id']}/merge", data={"gone_id": gone["id"]})
        assert done.headers["location"] == f"/admin/products/{kept['id']}"
        page = (await admin.get(f"/admin/products/{kept['id']}")).text
        assert "Merge" in page
        assert CODE not in (await admin.get("/admin/duplicates")).text
        await box.settle()
        stock = await shops[1].owner.ok("GET", f"/inventory/{kept['id']}")
        assert [one["offerId"] for one in stock["items"]] == [shops[1].offer]
        async with browser(box) as guest:
            moved = await guest.get(f"/products/{gone['slug']}")
            assert (moved.status_code, moved.headers["location"]) == (
                301, f"/products/{kept['slug']}",
            )  # fmt: skip
            assert "Other sellers" in (await guest.get(f"/products/{kept['slug']}")).text
        where = f"/admin/products/{kept['id']}"
        note = {"id": hidden(page, "id"), "text": "Is it real?", "external": "on"}
        assert (await admin.post(f"{where}/notes", data=note)).status_code == 303
        refused = await admin.post(where, data={"decision": "take_down", "reason": ""})
        assert refused.status_code == 422
        down = await admin.post(where, data={"decision": "take_down", "reason": "a fake"})
        assert down.status_code == 303
        await box.settle()
    async with browser(box, "owner@ant.example.com") as owner:
        page = (await owner.get(f"/vendor/products/{kept['id']}")).text
        assert "Rejected: a fake" in page
        assert "Is it real?" in page
        assert "Ant thing was taken off sale" in (await owner.get("/notifications")).text
    async with browser(box) as guest:
        assert (await guest.get(f"/products/{kept['slug']}")).status_code == 404
