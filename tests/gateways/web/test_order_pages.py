"""Receipts, one-click buying, tracking and guests' own cancellations, on a real market."""

import asyncio
import email
import io
import re
from email import policy
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from pypdf import PdfReader

from haat.app.proving import prove_all
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import Checkout
from haat.domains.trade.orders.api import OrderDraft, Orders
from haat.domains.trade.receipts.api import ReceiptRequested
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import ADDRESS, Box, Client
from tests.journeys.scene import Shop, buy, open_shop, pay, quote

VISA, ASKS = "4242424242424242", "4000002760003184"
COMPANY = {**ADDRESS, "name": "Byron & Sons Ltd", "line1": "2 Ledger Lane"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shops(box: Box) -> tuple[Shop, Shop]:
    return (
        await open_shop(box, "Clay House", price=1299, stock=500),
        await open_shop(box, "Loom Works", price=900, stock=500),
    )


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def mails(box: Box, subject: str) -> list[Any]:
    found = [
        email.message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted((box.runtime.settings.folder / "mail").glob("*.eml"))
    ]
    return [one for one in found if subject in one["subject"]]


async def mailed(box: Box) -> None:
    """Every mail that waits is sent: by this, or by the market's own timer at the same moment."""
    await box.settle()
    waiting = "SELECT count(*) FROM notifications.mails WHERE waiting"
    async with asyncio.timeout(120):
        while await box.runtime.databases["notifications"].fetchval(waiting):
            await box.runtime.services[Notifications].send_mails(box.runtime.system_context("test"))
            await asyncio.sleep(0.02)


async def happened(box: Box, order_id: str) -> list[str]:
    ctx = box.runtime.system_context("test")
    [order] = await box.runtime.inner[Orders].by_ids(ctx, ids=[UUID(order_id)])
    return [entry.what for entry in order.timeline]


async def test_a_guests_receipt(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, loom = shops
    guest = box.guest()
    made = await quote(guest, {clay.offer: 2, loom.offer: 1}, billTo=COMPANY)
    placed = (await pay(guest, made["id"], await box.token(VISA))).json()
    link = placed["orderLink"].rsplit("/", 1)[1]
    await mailed(box)
    (message,) = mails(box, f"Order {placed['orderNumber']} is placed")
    body = message.get_body(("plain",)).get_content()
    assert f"/orders/link/{link.split('.')[0][:8]}" in body or "/receipt.pdf" in body
    assert (await happened(box, placed["orderId"])).count("receipt_sent") == 1

    said = await guest.ok("GET", f"/orders/link/{link}/receipt")
    assert said["number"] == f"{placed['orderNumber']}-R"
    assert said["billTo"]["name"] == "Byron & Sons Ltd"
    assert said["shipTo"]["name"] == "Ada Byron"
    parts = [part["total"]["minor"] for part in said["parts"]]
    total = said["totals"]["total"]["minor"]
    assert sum(parts) == total == sum(one["amount"]["minor"] for one in said["payments"])
    assert sum(one["tax"]["minor"] for one in said["taxes"]) == said["totals"]["tax"]["minor"]
    browser = Browser(box)
    here = await browser.opened(f"/orders/link/{link}")
    page = await browser.page(here)
    assert f"{here}/receipt.pdf" in page
    assert link not in page
    assert (await Browser(box).http.get(here)).status_code == 410, "nobody else's"
    assert "Expected between" in page
    first = await browser.http.get(f"{here}/receipt.pdf")
    assert first.headers["content-type"] == "application/pdf"
    written = text_of(first.content)
    for words in ("Byron & Sons Ltd", "Clay House", "Loom Works", "25.98", f"{total / 100:.2f}"):
        assert words in written, words

    # What is given back later makes a document of its own; the receipt stays as it is.
    staff = await box.staff()
    orders = box.runtime.inner[Orders]
    [order] = await orders.by_ids(box.runtime.system_context("test"), ids=[UUID(placed["orderId"])])
    one = order.vendor_orders[0]
    refund = {"vendorOrderId": str(one.id), "reason": "a crack"}
    items = [{"lineId": str(one.lines[0].id), "quantity": 1}]
    await staff.ok("POST", "/payments/refund", {**refund, "items": items})
    await staff.ok("PATCH", "/admin/settings", {"name": "Another Name"})
    await box.settle()
    again = await browser.http.get(f"{here}/receipt.pdf")
    assert again.content == first.content
    await staff.ok("PATCH", "/admin/settings", {"name": "Test Market"})
    page = await browser.page(here)
    at = page.split(f"{here}/credit-notes/")[1].split('"')[0]
    note = text_of((await browser.http.get(f"{here}/credit-notes/{at}")).content)
    assert f"{placed['orderNumber']}-C1" in note
    assert f"{placed['orderNumber']}-R" in note
    assert "a crack" in note
    (credited,) = await staff.ok("GET", f"/orders/{placed['orderNumber']}/credit-notes")
    assert credited["market"] == "Test Market"
    assert await prove_all(box.runtime) == []


async def test_a_receipt_is_mailed_again_and_noted_once(box: Box, shops: tuple[Shop, Shop]) -> None:
    ada = await box.person("ada@example.com", "Ada Buyer")
    placed = await buy(box, ada, {shops[0].offer: 1})
    number, id = placed["orderNumber"], placed["orderId"]
    await mailed(box)
    assert (await happened(box, id)).count("receipt_sent") == 1
    browser = await Browser(box).sign_in("ada@example.com")
    before = len(mails(box, f"Your receipt for order {number}"))
    for _ in range(2):  # pressed twice: once a minute
        await browser.done(f"/orders/{number}/receipt")
    await mailed(box)
    assert len(mails(box, f"Your receipt for order {number}")) == before + 1
    assert (await happened(box, id)).count("receipt_sent") == 2
    # The same event once more: the same mail, which was sent.
    ctx = box.runtime.system_context("test")
    service = box.runtime.services[Notifications]
    event = ReceiptRequested(order_id=UUID(id), number=number, person_id=UUID(ada.person["id"]))
    heard = event.model_copy(update={"event_id": uuid4()})
    for _ in range(2):
        await asyncio.gather(*(service.tell_of(ctx, [heard]) for _ in range(3)))
        await service.send_mails(ctx)
    assert len(mails(box, f"Your receipt for order {number}")) == before + 2
    assert (await happened(box, id)).count("receipt_sent") == 3
    stranger = await box.person("bob@example.com")
    for method, path in (("GET", "receipt"), ("GET", "receipt.pdf"), ("POST", "receipt/send")):
        assert (await stranger.send(method, f"/orders/{number}/{path}")).status_code == 404
    seen = await (await box.staff()).ok("GET", f"/orders/{number}/receipt")
    assert seen["email"] == "ada@example.com"


async def test_no_receipt_before_it_is_paid(box: Box, shops: tuple[Shop, Shop]) -> None:
    ada = await box.person("ada@example.com", "Ada Buyer")
    made = await quote(ada, {shops[0].offer: 1})
    given = await _draft(box, made["id"])
    ctx = box.runtime.system_context("test")
    number = (await box.runtime.inner[Orders].create(ctx, draft=given)).number
    await box.settle()
    for path in ("receipt", "receipt.pdf", "credit-notes"):
        refused = await ada.get(f"/orders/{number}/{path}")
        assert (refused.status_code, refused.json()["code"]) == (409, "receipt_not_paid")
    assert "Receipt (PDF)" not in await (await Browser(box).sign_in("ada@example.com")).page(
        f"/orders/{number}"
    )
    await box.runtime.inner[Orders].mark_unpaid(ctx, order_id=given.id, reason="test")
    await box.settle()
    assert (await ada.get(f"/orders/{number}/receipt.pdf")).status_code == 409
    assert (await ada.get("/orders/H-999999999/receipt")).status_code == 404


async def _draft(box: Box, quote_id: str) -> OrderDraft:
    """The order a quote would become."""
    ctx = box.runtime.system_context("test")
    found = await box.runtime.inner[Checkout].read_quote(ctx, id=UUID(quote_id))
    return rules.draft(found)


async def test_a_guest_cancels_until_the_vendor_begins(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, loom = shops
    guest = box.guest()
    placed = await buy(box, guest, {clay.offer: 1, loom.offer: 1})
    link = placed["orderLink"].rsplit("/", 1)[1]
    order = await guest.ok("GET", f"/orders/link/{link}")
    one, two = order["vendorOrders"]
    shop = clay if two["vendorId"] == clay.id else loom
    await shop.owner.ok("PUT", f"/orders/{two['id']}/accept")
    browser = Browser(box)
    at = await browser.opened(f"/orders/link/{link}")
    page = await browser.page(at)
    assert one["id"] in page
    assert page.count("Cancel this part") == 2  # the summary and the button of the first alone
    form = {"vendor_order_id": one["id"], "reason": ""}
    assert (await browser.send(f"{at}/cancel", form)).status_code == 422
    for part, status in ((one, 303), (two, 409)):
        form = {"vendor_order_id": part["id"], "reason": "Found it elsewhere"}
        assert (await browser.send(f"{at}/cancel", form)).status_code == status
    api = f"/orders/link/{link}/cancel"
    await guest.ok("POST", api, {"vendorOrderId": one["id"], "reason": "pressed again"})
    strange = {"vendorOrderId": str(uuid4()), "reason": "x"}
    assert (await guest.post(api, strange)).status_code == 404
    assert (await guest.post("/orders/link/a.b.c/cancel", strange)).status_code == 404
    await box.settle()
    order = await guest.ok("GET", f"/orders/link/{link}")
    assert [part["fulfilment"] for part in order["vendorOrders"]] == ["cancelled", "accepted"]
    assert order["vendorOrders"][0]["reason"] == "Found it elsewhere"
    assert order["vendorOrders"][0]["refunded"] == order["vendorOrders"][0]["totals"]["total"]
    assert [e["actor"] for e in order["timeline"] if e["what"] == "cancelled"] == ["customer"]


async def test_parcels_are_followed_and_packed_by_a_slip(
    box: Box, shops: tuple[Shop, Shop]
) -> None:
    clay, _ = shops
    ada = await box.person("ada@example.com", "Ada Buyer")
    placed = await buy(box, ada, {clay.offer: 3})
    order = await ada.ok("GET", f"/orders/{placed['orderNumber']}")
    id = order["vendorOrders"][0]["id"]
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    slip = await owner.http.get(f"/vendor/orders/{id}/packing-slip.pdf")
    assert "Packing slip" in text_of(slip.content)
    assert "12.99" not in text_of(slip.content)
    await owner.done(f"/vendor/orders/{id}/accept")
    early = {"carrier": "DHL", "tracking_number": "JD0"}
    assert (await owner.send(f"/vendor/orders/{id}/add_parcel", early)).status_code == 409
    await owner.done(f"/vendor/orders/{id}/ship", {"carrier": "DHL", "tracking_number": "JD1"})
    for _ in range(2):  # the same number is the same parcel
        form = {"carrier": "Royal Mail", "tracking_number": "RM 2"}
        await owner.done(f"/vendor/orders/{id}/add_parcel", form)
    shown = await Browser(box).sign_in("ada@example.com")
    page = await shown.page(f"/orders/{placed['orderNumber']}")
    assert "tracking-id=JD1" in page
    assert "tracking-results/RM%202" in page
    assert "Parcel added: Royal Mail RM 2" in page
    assert re.search(r", by the\s+vendor", page)
    await owner.done(f"/vendor/orders/{id}/deliver")
    sent = (await ada.ok("GET", f"/orders/{placed['orderNumber']}"))["vendorOrders"][0]
    assert [one["status"] for one in sent["shipments"]] == ["delivered", "delivered"]
    assert sent["statuses"]["delivery"] == "delivered"


async def test_lists_are_narrowed_on_pages_and_rest(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, _ = shops
    eve = await box.person("eve@example.com", "Eve Finder")
    made = await quote(eve, {clay.offer: 7}, shipTo={**ADDRESS, "name": "Evelyn Finder"})
    placed = (await pay(eve, made["id"], await box.token(VISA))).json()
    await box.settle()
    number = placed["orderNumber"]
    staff = await box.staff()
    browser = await Browser(box).sign_in(staff.person["email"])
    for query in (
        f"q={number}", "q=evelyn+find", "q=eve%40example.com", f"vendorId={clay.id}&q=Evelyn",
        "view=order&status=paid&q=evelyn", "totalMin=9000&q=evelyn", "since=2020-01-01T00:00:00Z",
    ):  # fmt: skip
        found = await staff.ok("GET", f"/admin/orders?{query}")
        assert number in [one["number"] for one in found["items"]], query
        page = query.replace("vendorId", "vendor_id").replace("totalMin=9000", "total_min=90.00")
        page = page.replace("T00:00:00Z", "")
        assert number in await browser.page(f"/admin/orders?{page}"), query
    none = await staff.ok("GET", "/admin/orders?q=evelyn&view=payment&status=refunded")
    assert none["items"] == []
    for bad in ("view=order&status=lost", "status=paid", "since=yesterday", "totalMin=-1"):
        assert (await staff.get(f"/admin/orders?{bad}")).status_code == 422, bad
    text = await browser.page("/admin/orders?since=yesterday&total_max=a&q=evelyn", 422)
    assert 'id="since-error"' in text
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    assert f"{number}-1" in await owner.page("/vendor/orders?q=evelyn")
    assert f"{number}-1" not in await owner.page("/vendor/orders?q=evelyn&fulfilment=delivered")
    rebuilt = await staff.ok("POST", "/admin/orders/lists/rebuild", {"after": 0})
    assert rebuilt["done"] >= 1
    assert rebuilt["next"] is None


async def ready(box: Box, name: str, shop: Shop) -> Client:
    """Somebody with a saved card and a default address who allows one press to buy."""
    client = await box.person(f"{name}@example.com", name.title())
    await client.ok("POST", "/me/addresses", {**ADDRESS})
    made = await quote(client, {shop.offer: 1})
    payment = {"provider": "test", "token": await box.token(VISA), "save": True}
    first = await client.post("/orders", {"quoteId": made["id"], "payment": payment})
    assert first.status_code == 201, first.text
    await client.ok("PATCH", "/me", {"oneClick": True})
    return client


async def test_one_press_buys_once(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, _ = shops
    client = await box.person("press@example.com")
    wanted = {"offerId": clay.offer, "unitPrice": {"minor": 1299, "currency": "USD"}}
    refused = await client.post("/orders/one-click", wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "one_click_off")
    assert refused.json()["missing"] == ["preference", "address", "method"]
    assert (await client.ok("GET", "/me/profile"))["oneClick"] is False
    client = await ready(box, "press", clay)
    assert (await client.ok("GET", "/me/one-click"))["missing"] == []
    for price, total in ((1200, None), (1299, 1)):
        body = {**wanted, "unitPrice": {"minor": price, "currency": "USD"}}
        if total:
            body["total"] = {"minor": total, "currency": "USD"}
        refused = await client.post("/orders/one-click", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "price_changed")
        assert refused.json()["unitPrice"]["minor"] == 1299
    bare = await box.http.post(
        f"{box.address}/api/v1/orders/one-click",
        json=wanted,
        headers={"authorization": f"Bearer {client.token}"},
    )
    assert (bare.status_code, bare.json()["code"]) == (400, "idempotency_key_required")
    before = len((await client.ok("GET", "/me/orders"))["items"])
    answers = await asyncio.gather(
        *(client.post("/orders/one-click", wanted, key="one-press") for _ in range(4))
    )
    answers.append(await client.post("/orders/one-click", wanted, key="one-press"))
    done = [one.json() for one in answers if one.status_code == 201]
    assert done
    assert {one["orderNumber"] for one in done} == {done[0]["orderNumber"]}
    assert {one.status_code for one in answers} <= {201, 409}
    assert len((await client.ok("GET", "/me/orders"))["items"]) == before + 1
    order = await client.ok("GET", f"/orders/{done[0]['orderNumber']}")
    assert order["vendorOrders"][0]["lines"][0]["unitPrice"]["minor"] == 1299


async def test_the_button_of_one_press(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, _ = shops
    at = f"/products/{clay.product['slug']}"
    await ready(box, "button", clay)
    browser = await Browser(box).sign_in("button@example.com")
    page = await browser.page(at)
    assert "Buy now, one click" in page
    form = form_in(page, at)
    both = await asyncio.gather(*(browser.send(f"{at}/buy-now", form) for _ in range(2)))
    assert {one.status_code for one in both} == {303}
    led = {one.headers["location"] for one in both}
    assert len([path for path in led if path.startswith("/orders/H-")]) == 1, led
    assert await browser.done(at, form_in(await browser.page(at), at)) == "/cart"
    shown = {**form_in(await browser.page(at), at), f"price-{clay.offer}": "1200"}
    changed = await browser.send(f"{at}/buy-now", shown)
    assert changed.status_code == 409
    assert "The price is $12.99 now. Nothing was ordered" in changed.text
    # What is missing is said; who does not want it sees nothing of it.
    addresses = await browser.page("/account")
    removed = form_in(addresses, "/account/addresses/remove")
    await browser.done("/account/addresses/remove", removed)
    assert "To use it, add an address." in await browser.page(at)
    account = {"full_name": "Button", "own_phone": ""}
    await browser.done("/account", account)
    assert "one click" not in await browser.page(at)


async def test_a_bank_that_asks_is_led_to(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, _ = shops
    client = await box.person("asks@example.com", "Asks")
    await client.ok("POST", "/me/addresses", {**ADDRESS})
    made = await quote(client, {clay.offer: 1})
    payment = {"provider": "test", "token": await box.token(ASKS), "save": True}
    first = await client.post("/orders", {"quoteId": made["id"], "payment": payment})
    assert first.status_code == 202, first.text
    said = await box.http.post(first.json()["nextActionUrl"], data={"outcome": "approve"})
    assert said.status_code in (200, 303), said.text
    await client.ok("GET", f"/checkout/{made['id']}/status")
    await client.ok("PATCH", "/me", {"oneClick": True})
    assert (await client.ok("GET", "/me/one-click"))["missing"] == []
    wanted = {"offerId": clay.offer, "unitPrice": {"minor": 1299, "currency": "USD"}}
    asked = await client.post("/orders/one-click", wanted)
    assert asked.status_code == 202
    assert asked.json()["status"] == "needs_action"
    assert asked.json()["nextActionUrl"]


async def test_a_page_checkout_bills_another_address(box: Box, shops: tuple[Shop, Shop]) -> None:
    clay, _ = shops
    browser = Browser(box)
    at = f"/products/{clay.product['slug']}"
    add = await browser.http.post(at, data={"offer_id": clay.offer, "quantity": "1"})
    assert add.status_code == 303
    to = {
        "email": "bill@example.com", "name": "Ada Byron", "line1": "1 Row", "city": "London",
        "postal_code": "N1", "country": "GB",
    }  # fmt: skip
    wrong = await browser.send("/checkout", {**to, "bill": "on", "bill_country": "GB"})
    assert wrong.status_code == 422
    assert 'id="bill_name-error"' in wrong.text
    firm = {"bill_name": "Byron Ltd", "bill_line1": "2 Lane", "bill_city": "Bath"}
    led = await browser.done("/checkout", {**to, **firm, "bill": "on", "bill_country": "GB"})
    made = await box.guest().ok("GET", f"/checkout/{led.rsplit('/', 1)[1]}")
    assert made["billTo"]["name"] == "Byron Ltd"
    assert made["shipTo"]["name"] == "Ada Byron"
    plain = await browser.done("/checkout", {**to, **firm, "bill_country": "GB"})
    made = await box.guest().ok("GET", f"/checkout/{plain.rsplit('/', 1)[1]}")
    assert made["billTo"] == made["shipTo"]
