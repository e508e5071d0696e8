"""Selling what is there, in the browser: found, offered, compared, bought, stopped."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from tests.journeys.box import PASSWORD, Box
from tests.journeys.scene import open_shop


@asynccontextmanager
async def browser(box: Box, email: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"accept": "text/html"}
    async with httpx.AsyncClient(base_url=box.address, headers=headers, timeout=120) as client:
        if email:
            answer = await client.post("/sign-in", data={"email": email, "password": PASSWORD})
            assert answer.status_code == 303
        yield client


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


async def test_a_vendor_sells_what_another_has(box: Box) -> None:
    kettle = await open_shop(box, "Kettle House", price=2_000, stock=5)
    await open_shop(box, "Late Comer", price=700, stock=1)
    path = f"/products/{kettle.product['slug']}"
    async with browser(box, "owner@late-comer.example.com") as late:
        page = (await late.get("/vendor/offers?q=kettle+hou")).text
        assert "Kettle House thing" in page
        assert f"/vendor/offers/new?product={kettle.product['id']}" in page
        new = f"/vendor/offers/new?product={kettle.product['id']}"
        form = (await late.get(new)).text
        sent = {"id": hidden(form, "id"), "variant_id": hidden(form, "variant_id"),
                "sku": "late-kettle", "price": "21.50", "condition": "new",
                "handling_days": "2", "stock": "4"}  # fmt: skip
        wrong = await late.post(new, data={**sent, "price": "x", "condition": "mint"})
        assert wrong.status_code == 422
        assert "Choose one of the list." in wrong.text
        answer = await late.post(new, data=sent)
        assert answer.status_code == 303, answer.text
        offer = urlsplit(answer.headers["location"]).path
        assert (await late.post(new, data=sent)).headers["location"] == offer, "sent twice: one"
        again = {**sent, "id": kettle.offer, "sku": "another"}
        assert (await late.post(new, data=again)).status_code == 404, "another's id"
        await box.settle()

        standing = (await late.get(offer)).text
        assert "It stands in place 2 of 2" in standing
        found = re.search(r"It wins at <strong>\$([0-9.]+)</strong>", standing)
        assert found, standing
        async with browser(box) as guest:
            shown = (await guest.get(path)).text
            assert "Other sellers" in shown
            assert shown.index("Kettle House</a>") < shown.index("Late Comer</a>")
            other = await guest.post(path, data={"offer_id": offer.rpartition("/")[2]})
            assert other.headers["location"] == "/cart"
            first = await guest.post(path, data={"offer_id": kettle.offer, "quantity": "2"})
            assert first.headers["location"] == "/cart"
            cart = (await guest.get("/cart")).text
            assert 'From <a href="/vendors/kettle-house"' in cart
            assert 'From <a href="/vendors/late-comer"' in cart
            assert "$21.50" in cart

            saved = await late.post(offer, data={**sent, "price": found[1]})
            assert saved.headers["location"] == offer
            assert "It stands first" in (await late.get(offer)).text
            flipped = (await guest.get(path)).text
            assert flipped.index("Late Comer</a>") < flipped.index("Kettle House</a>")

            stopped = await late.post(f"{offer}/pause")
            assert stopped.headers["location"] == offer
            assert "It is not on sale" in (await late.get(offer)).text
            assert "Other sellers" not in (await guest.get(path)).text
        listed = (await late.get("/vendor/offers")).text
        assert "late-kettle" in listed
        assert "Not on sale" in listed
    async with browser(box, "owner@kettle-house.example.com") as owner:
        assert (await owner.get(offer)).status_code == 404, "somebody else's"
        own = (await owner.get(f"/vendor/products/{kettle.product['id']}")).text
        assert f"/vendor/offers/{kettle.offer}" in own
        assert "It stands first" in (await owner.get(f"/vendor/offers/{kettle.offer}")).text


async def test_staff_say_whether_products_are_shared(box: Box) -> None:
    shop = await open_shop(box, "Lone Wolf", price=2_000, stock=5)
    await open_shop(box, "Side Car", price=700, stock=1)
    await box.staff()
    async with browser(box, "admin@staff.example.com") as admin:
        page = (await admin.get("/admin/settings")).text
        assert 'value="both" selected' in page
        sent = {"name": "Test", "commission": "3", "return_window_minutes": "0",
                "offers_policy": "own", "pictures_max": "3"}  # fmt: skip
        assert (await admin.post("/admin/settings", data={**sent, "offers_policy": "no"})
                ).status_code == 422  # fmt: skip
        assert (await admin.post("/admin/settings", data=sent)).status_code == 303
        try:
            async with browser(box, "owner@side-car.example.com") as owner:
                page = (await owner.get("/vendor/offers?q=Lone+Wolf")).text
                assert "Vendors of this market sell products of their own only." in page
                new = f"/vendor/offers/new?product={shop.product['id']}"
                form = {"id": shop.id, "variant_id": "", "sku": "x", "price": "1",
                        "condition": "new", "handling_days": "1"}  # fmt: skip
                assert (await owner.post(new, data=form)).status_code == 403
        finally:
            await admin.post("/admin/settings", data={**sent, "offers_policy": "both",
                                                      "pictures_max": "20"})  # fmt: skip
