"""Prices from outside: planned by a vendor, cheaper for a group, shown in another currency; what
is charged is what was said."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from haat.app.proving import prove_all
from tests.gateways.web.test_offer_pages import browser, hidden
from tests.journeys.box import ADDRESS, PASSWORD, Box
from tests.journeys.scene import buy, open_shop, quote


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


async def post(client: httpx.AsyncClient, path: str, values: dict[str, str]) -> httpx.Response:
    return await client.post(path, data=values)


async def test_a_planned_price_in_the_browser(box: Box) -> None:
    shop = await open_shop(box, "Sale House", price=2_000, stock=5)
    path = f"/vendor/offers/{shop.offer}/prices"
    until = datetime.now(UTC) + timedelta(days=2)
    async with browser(box, "owner@sale-house.example.com") as vendor, browser(box) as guest:
        page = (await vendor.get(path)).text
        assert "Your own price is $20.00" in page
        sent = {"id": hidden(page, "id"), "price": "15.00", "compare_at": "20.00",
                "ends_at": f"{until:%Y-%m-%dT%H:%M}"}  # fmt: skip
        for wrong, said in (
            ({"price": "x"}, "Write an amount"),
            ({"ends_at": ""}, "Fill this in."),
            ({"ends_at": "2020-01-01T10:00"}, "That time is over."),
        ):
            refused = await post(vendor, path, {**sent, **wrong})
            assert refused.status_code == 422
            assert said in refused.text, re.findall(
                r"role=.alert.*?</div>", refused.text, re.DOTALL
            )
        assert (await post(vendor, path, sent)).status_code == 303
        assert (await post(vendor, path, sent)).status_code == 303, "sent twice: one"
        overlap = await post(vendor, path, {**sent, "id": str(uuid4())})
        assert overlap.status_code == 409
        assert "a part of that time" in overlap.text
        page = (await vendor.get(path)).text
        assert page.count('/end"') == 1
        assert "End it now" in page

        shown = (await guest.get(f"/products/{shop.product['slug']}")).text
        assert "$15.00" in shown
        assert "Lowest price of the 30 days before:\n$20.00" in shown
        await box.settle()
        home = (await guest.get("/")).text
        assert re.search(r"\$15\.00</span> <s[^>]*>.*?\$20\.00</s>", home, re.DOTALL)
        quoted = await quote(box.guest(), {shop.offer: 2})
        assert quoted["totals"]["goods"] == usd(3_000)

        end = re.search(rf'action="({path}/[^"]*/end)"', page)
        assert end
        assert (await vendor.post(end[1])).status_code == 303
        assert "$15.00" not in (await guest.get(f"/products/{shop.product['slug']}")).text
        assert (await quote(box.guest(), {shop.offer: 1}))["totals"]["goods"] == usd(2_000)
    history = await shop.owner.ok("GET", f"/offers/{shop.offer}/prices")
    assert [step["price"]["minor"] for step in history["items"]] == [2_000, 1_500, 2_000]


async def test_a_group_sees_and_pays_its_price(box: Box) -> None:
    shop = await open_shop(box, "Bulk House", price=1_000, stock=50)
    buyer = await box.person("buyer@example.com")
    async with (
        browser(box) as guest,
        browser(box, "buyer@example.com") as customer,
        httpx.AsyncClient(base_url=box.address, headers={"accept": "text/html"}) as admin,
    ):
        staff = await box.staff()
        email = staff.person["email"]
        assert (
            await admin.post("/sign-in", data={"email": email, "password": PASSWORD})
        ).status_code == 303
        made = await post(admin, "/admin/prices/groups", {"name": "Wholesale"})
        group = made.headers["location"]
        unknown = await post(admin, f"{group}/members", {"emails": "nobody@example.com"})
        assert unknown.status_code == 422
        assert "Nobody here has nobody@example.com" in unknown.text
        added = await post(admin, f"{group}/members", {"emails": "Buyer@example.com"})
        assert added.status_code == 303
        assert "buyer@example.com" in (await admin.get(group)).text
        listed = f"/admin/prices/lists/{uuid4()}"
        sent = {"name": "Wholesale", "group_id": group.rpartition("/")[2], "active": "on",
                "lines": f"10 %\n7.50 | offer:{shop.offer} | from 5"}  # fmt: skip
        wrong = await post(admin, listed, {**sent, "lines": "10 %\nnonsense", "fresh": "yes"})
        assert wrong.status_code == 422
        assert "Line 2 is not understood" in wrong.text
        assert (await post(admin, listed, sent)).status_code == 303
        assert f"7.50 | offer:{shop.offer} | from 5" in (await admin.get(listed)).text

        path = f"/products/{shop.product['slug']}"
        for page in (path, "/", "/vendors/bulk-house"):
            assert "Wholesale −10 %" in (await customer.get(page)).text
            assert "Wholesale" not in (await guest.get(page)).text
        assert "from 5: $7.50 each" in (await customer.get(path)).text
        await post(customer, path, {"offer_id": shop.offer, "quantity": "5"})
        cart = (await customer.get("/cart")).text
        assert "$37.50" in cart
        assert "when you put it in" not in cart
    assert (await quote(box.guest(), {shop.offer: 5}))["totals"]["goods"] == usd(5_000)
    quoted = await quote(buyer, {shop.offer: 5})
    [line] = quoted["groups"][0]["lines"]
    assert line["unitPrice"] == usd(750)
    assert line["usualPrice"] == usd(1_000)
    assert line["priceNote"] == "Wholesale price, from 5"
    found = await buyer.ok("GET", f"/prices?offer={shop.offer}&quantity=2")
    assert found["items"][0]["charged"] == usd(900)
    placed = await buy(box, buyer, {shop.offer: 5})
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["totals"]["goods"] == usd(3_750)


def prices_in(answer: Any, slug: str) -> list[Any]:
    """What an answer of any kind says of that product's price: its own, everybody's, why."""
    if isinstance(answer, list):
        return [found for one in answer for found in prices_in(one, slug)]
    if not isinstance(answer, dict):
        return []
    if answer.get("slug") == slug and "priceFrom" in answer:
        same = answer["priceFrom"] == answer["priceTo"]
        assert same, "one offer"
        return [[answer["priceFrom"], answer.get("usualPrice"), answer.get("priceNote")]]
    if answer.get("slug") == slug and "variants" in answer:
        [[offer]] = [variant["offers"] for variant in answer["variants"]]
        return [[offer["price"], offer.get("usualPrice"), offer.get("priceNote")]]
    return [found for one in answer.values() for found in prices_in(one, slug)]


async def test_rest_answers_a_member_its_own_prices(box: Box) -> None:
    shop = await open_shop(box, "Member House", price=1_000, stock=50)
    slug, staff = shop.product["slug"], await box.staff()
    # The vendor's owner is a member too, and still reads what it wrote.
    buyer, guest, owner = await box.person("rest@example.com"), box.guest(), shop.owner
    group = await staff.ok("POST", "/admin/customer-groups", {"name": "Members"})
    people = {"personIds": [buyer.person["id"], owner.person["id"]]}
    await staff.ok("POST", f"/admin/customer-groups/{group['id']}/members", people)
    body = {"groupId": group["id"], "name": "Members",
            "entries": [{"offBp": 1_000, "vendorId": shop.id}]}  # fmt: skip
    await box.settle()
    places = (
        "/products", f"/products/{slug}", f"/products/{shop.product['id']}",
        "/vendors/member-house/products", "/search?q=member", "/search/complete?q=member",
    )  # fmt: skip
    for path in places:  # every kept copy is filled with everybody's
        await buyer.ok("GET", path)
        await guest.ok("GET", path)
    await staff.ok("PUT", f"/admin/price-lists/{uuid4()}", body)
    own = [usd(900), usd(1_000), "Members −10 %"]
    for path in places:
        answer = await buyer.get(path)
        assert prices_in(answer.json(), slug) == [own], path
        assert answer.headers["cache-control"] == "private, no-store"
        assert prices_in(await guest.ok("GET", path), slug) == [[usd(1_000), None, None]], path
    asked = await buyer.ok("POST", "/marketplace/search", {"query": "member"})
    assert prices_in(asked, slug) == [own]
    written = await owner.ok("GET", f"/products/{slug}")
    assert prices_in(written, slug) == [[usd(1_000), None, None]]
    cart = await buyer.ok("POST", "/cart/items", {"offerId": shop.offer, "quantity": 2})
    assert cart["items"][0]["price"] == usd(900)
    assert (await buyer.ok("GET", "/cart"))["items"][0]["price"] == usd(900)
    bought = await buyer.ok("POST", "/checkout/summary", {"shipTo": ADDRESS})
    assert bought["groups"][0]["lines"][0]["unitPrice"] == usd(900)
    assert bought["pricesIncludeTax"] == (await buyer.ok("GET", "/products"))["pricesIncludeTax"]
    await staff.ok("PUT", "/admin/currencies", {"code": "EUR", "rate": "0.5", "source": "ECB"})
    [[euro, usual, _]] = prices_in(await buyer.ok("GET", f"/products/{slug}?currency=EUR"), slug)
    assert (euro["minor"], usual["minor"], euro["currency"]) == (450, 500, "EUR")


async def test_prices_in_another_currency(box: Box) -> None:
    shop = await open_shop(box, "Euro House", price=1_329, stock=5)
    staff = await box.staff()
    await staff.ok("PUT", "/admin/currencies", {"code": "EUR", "rate": "0.9255", "source": "ECB"})
    zero = await staff.put("/admin/currencies", {"code": "GBP", "rate": "0"})
    assert (zero.status_code, zero.json()["code"]) == (422, "rate_zero")
    assert zero.json()["errors"][0]["path"] == "rate"
    guest = box.guest()
    found = await guest.ok("GET", f"/products/{shop.product['slug']}?currency=EUR")
    euro = {"minor": 1230, "currency": "EUR"}
    assert found["variants"][0]["offers"][0]["price"] == euro
    listed = await guest.ok("GET", "/products?currency=EUR")
    assert listed["items"][0]["priceFrom"] == euro
    unknown = await guest.get("/products?currency=GBP")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "currency_unknown")
    [price] = (await guest.ok("GET", f"/prices?offer={shop.offer}&currency=EUR"))["items"]
    assert (price["price"], price["charged"]) == (euro, usd(1_329))
    path = f"/products/{shop.product['slug']}"
    async with browser(box) as visitor:
        assert "$13.29" in (await visitor.get(path)).text
        assert "$13.29" in (await visitor.get(f"{path}?currency=GBP")).text, "an old link"
        page = (await visitor.get(f"{path}?currency=EUR")).text
        assert "€12.30" in page
        assert "you are charged\n$13.29" in page
        assert "€12.30" in (await visitor.get("/")).text, "the choice is remembered"
        await post(visitor, path, {"offer_id": shop.offer, "quantity": "2"})
        cart = (await visitor.get("/cart")).text
        assert "About €24.60; you will be charged\n<strong>$26.58</strong>" in cart
        bad = await post(visitor, "/preferences", {"currency": "GBP", "country": "GB"})
        assert bad.status_code == 422
        back = {"currency": "USD", "country": "GB", "back": "//evil.example"}
        assert (await post(visitor, "/preferences", back)).headers["location"] == "/"
        assert "€" not in (await visitor.get(path)).text
    quoted = await quote(guest, {shop.offer: 2})
    assert quoted["totals"]["goods"] == usd(2_658)


async def test_business_customers_see_prices_without_tax(box: Box) -> None:
    shop = await open_shop(box, "Net House", price=1_200, stock=5)
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"pricesIncludeTax": True})
    rate = {"taxClass": "standard", "country": "GB", "rateBp": 2_000}
    await staff.ok("PUT", "/admin/tax-rates", rate)
    group = await staff.ok(
        "POST", "/admin/customer-groups", {"name": "Businesses", "taxDisplay": "excluded"}
    )
    firm = await box.person("boss@example.com")
    people = {"personIds": [firm.person["id"]]}
    await staff.ok("POST", f"/admin/customer-groups/{group['id']}/members", people)
    path = f"/products/{shop.product['slug']}"
    async with browser(box) as guest, browser(box, "boss@example.com") as boss:
        assert "$12.00" in (await guest.get(path)).text
        for page in (path, "/", "/vendors/net-house", "/search?q=house"):
            card = r"\$12\.00</span>.{0,60}incl\. VAT"
            assert re.search(card, (await guest.get(page)).text, re.DOTALL), page
        assert "$10.00" in (await boss.get(path)).text
        assert "plus VAT" in (await boss.get(path)).text
        quoted = await quote(firm, {shop.offer: 3})
        page = (await boss.get(f"/checkout/{quoted['id']}")).text
        sums = re.findall(r'<td class="num">\$([0-9.]+)</td>', page)
        goods, shipping, tax, total = (round(float(one) * 100) for one in sums[:4])
        assert goods + shipping + tax == total == quoted["totals"]["total"]["minor"]
        assert goods == 3_000


async def test_what_was_charged_proves(box: Box) -> None:
    """Planned prices, groups and currencies leave nothing behind that does not add up."""
    shop = await open_shop(box, "Proof House", price=1_999, stock=50)
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    sale = {"price": usd(1_111), "compareAt": usd(1_999), "endsAt": until}
    await shop.owner.ok("POST", f"/offers/{shop.offer}/scheduled-prices", sale)
    staff, buyer = await box.staff(), await box.person("prove@example.com")
    group = await staff.ok("POST", "/admin/customer-groups", {"name": "Friends"})
    await staff.ok("POST", f"/admin/customer-groups/{group['id']}/members",
                   {"personIds": [buyer.person["id"]]})  # fmt: skip
    entries = [{"offBp": 333}]
    await staff.ok("PUT", f"/admin/price-lists/{uuid4()}",
                   {"groupId": group["id"], "name": "Friends", "entries": entries})  # fmt: skip
    placed = await buy(box, buyer, {shop.offer: 3})
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["totals"]["goods"] == usd(3 * (1_111 - 37))
    assert await prove_all(box.runtime) == []
