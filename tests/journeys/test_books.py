"""The money of a market over HTTP: terms that stay, money that goes back, payouts, their files."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from haat.app.proving import prove_all
from haat.kernel.clock import SettableClock
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, available, buy, deliver, open_shop, part_of, pay, quote

GOOD = "4242424242424242"
SETTINGS = {
    "HAAT_BANK_IBAN": "DE02120300000000202051",
    "HAAT_BANK_HOLDER": "Test Market",
}
CLOCK = SettableClock  # where all of the market is in this process


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    made = await open_shop(box, "Book House", price=1_000, stock=1_000)
    bank = {"holder": "B", "account": "DE89370400440532013000"}
    await made.owner.ok("PUT", f"/vendors/{made.id}/bank", bank)
    return made


def clock_of(box: Box) -> SettableClock:
    clock = box.runtime.clock
    if not isinstance(clock, SettableClock):
        pytest.skip("the time of other processes cannot be set")
    return clock


async def sold(box: Box, shop: Shop, count: int = 2, *, by: str = "reader@example.com") -> Any:
    """A delivered vendor order whose earning is on the vendor's balance."""
    placed = await buy(box, await box.person(by), {shop.offer: count})
    part = await part_of(shop, placed)
    await deliver(box, shop, part)
    return part


async def paid_out(box: Box, shop: Shop) -> Any:
    """All that is available, asked for and approved."""
    payout = await shop.owner.ok("POST", "/payments/payout", {})
    staff = await box.staff()
    return await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")


async def refunded(box: Box, part: Any) -> None:
    staff = await box.staff()
    body = {"vendorOrderId": part["id"], "reason": "It came apart."}
    assert (await staff.ok("POST", "/payments/refund", body))["status"] == "done"
    await box.settle()


async def test_a_list_switched_on_after_the_quote_leaves_its_terms(box: Box, shop: Shop) -> None:
    staff = await box.staff()
    customer = await box.person("terms@example.com")
    quoted = await quote(customer, {shop.offer: 1})
    rule = {"id": str(uuid4()), "name": "A fifth of everything", "rateBp": 2_000}
    made = await staff.ok("POST", "/admin/commission-lists", {"rules": [rule], "taxBp": 1_000})
    switched = {"version": made["version"], "reason": "A fifth from now on"}
    path = f"/admin/commission-lists/{made['id']}"
    assert (await staff.ok("POST", f"{path}/activate", switched))["status"] == "active"
    await asyncio.sleep(1.2)  # a list may be remembered for a second
    answer = await pay(customer, quoted["id"], await box.token(GOOD))
    assert answer.status_code == 201, answer.text
    await box.settle()
    before = await staff.ok("GET", f"/orders/{answer.json()['orderNumber']}")
    [line] = before["vendorOrders"][0]["lines"]
    assert (line["terms"]["source"], line["commission"]["minor"]) == ("default", 30)
    after = await staff.ok(
        "GET", f"/orders/{(await buy(box, customer, {shop.offer: 1}))['orderNumber']}"
    )
    [line] = after["vendorOrders"][0]["lines"]
    assert (line["terms"]["source"], line["terms"]["ruleName"]) == ("rule", rule["name"])
    assert (line["commission"]["minor"], line["commissionTax"]["minor"]) == (200, 20)
    for order in (before, after):
        part = order["vendorOrders"][0]
        await deliver(box, shop, part)
        earning = await shop.owner.ok("GET", f"/payments/earnings/{part['id']}")
        assert earning["net"] == part["net"]
        [goods] = [one for one in earning["lines"] if one["kind"] == "goods"]
        assert goods["commission"] == part["lines"][0]["commission"]
    assert await prove_all(box.runtime) == []


async def test_a_refund_after_the_payout_is_netted_by_the_next(box: Box, shop: Shop) -> None:
    first = await sold(box, shop, 3)
    assert (await paid_out(box, shop))["status"] == "paid"
    assert await available(shop) == 0
    await refunded(box, first)
    owed = first["net"]["minor"]
    assert await available(shop) == -owed
    too_early = await shop.owner.post("/payments/payout", {})
    assert (too_early.status_code, too_early.json()["code"]) == (409, "balance_too_low")
    later = await sold(box, shop, 5)
    payout = await paid_out(box, shop)
    assert payout["amount"]["minor"] == later["net"]["minor"] - owed
    told = await shop.owner.ok("GET", f"/payments/payouts/{payout['id']}")
    amounts = {"earning": 0, "reversal": 0}
    for item in told["items"]:
        amounts[item["kind"]] += item["amount"]["minor"]
    assert amounts == {"earning": later["net"]["minor"], "reversal": -owed}
    assert await prove_all(box.runtime) == []


async def until_dispute(box: Box, order_id: str, status: str) -> None:
    """Returns when the card network's message has said that of the order's dispute."""
    staff = await box.staff()
    for _ in range(400):
        found = await staff.ok("GET", "/admin/payments/disputes?limit=100")
        if any(d["reference"] == order_id and d["status"] == status for d in found["items"]):
            await box.settle()
            await box.runtime.run_timers()
            await box.settle()
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody heard that the dispute is {status}")


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_chargeback(box: Box, shop: Shop, outcome: str) -> None:
    if isinstance(box.runtime.clock, SettableClock):
        box.runtime.clock.set(datetime.now(UTC))  # messages are signed with the present
    part = await sold(box, shop, 2, by=f"{outcome}@example.com")
    before = await available(shop)
    staff = await box.staff()
    payments = (await staff.ok("GET", "/admin/payments?limit=100"))["items"]
    [payment] = [one for one in payments if one["reference"] == part["orderId"]]
    dispute = await box.network(f"/intents/{payment['id']}/disputes", {"reason": "fraudulent"})
    await until_dispute(box, part["orderId"], "open")
    earning = await shop.owner.ok("GET", f"/payments/earnings/{part['id']}")
    assert earning["blockedBy"] == ["dispute"]
    await box.network(f"/disputes/{dispute['id']}/close", {"outcome": outcome})
    await until_dispute(box, part["orderId"], outcome)
    order = await staff.ok("GET", f"/orders/{part['orderId']}")
    fee = dispute["fee"]["minor"]
    if outcome == "won":
        assert order["payment"] == "paid"
        assert await available(shop) == before
    else:
        assert order["payment"] == "refunded"
        assert await available(shop) == before - part["net"]["minor"] - fee
    again = {"vendorOrderId": part["id"], "reason": "And once more."}
    second = await staff.post("/payments/refund", again)
    assert second.status_code == (201 if outcome == "won" else 409)
    await box.settle()
    assert await prove_all(box.runtime) == []


async def set_method(box: Box, method: str) -> None:
    staff = await box.staff()
    policy = {**await staff.ok("GET", "/admin/payout-policy"), "method": method}
    await staff.ok("PUT", "/admin/payout-policy", {"policy": policy, "reason": f"By {method}"})


async def test_a_run_a_bank_file_and_what_the_bank_says(box: Box, shop: Shop) -> None:
    staff = await box.staff()
    await set_method(box, "bank")
    files = []
    for is_paid in (False, True):
        await sold(box, shop, 4)
        due = await available(shop)
        asked = await staff.ok("POST", "/admin/payouts/run", {})  # for every vendor there is
        [payout] = [one for one in asked if one["vendorId"] == shop.id]
        assert (payout["amount"]["minor"], payout["status"]) == (due, "requested")
        assert await staff.ok("POST", "/admin/payouts/run", {}) == []
        approved = await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")
        assert approved["status"] == "processing"
        file = await staff.ok("POST", "/admin/bank-files", {"format": "csv"})
        assert (file["payouts"], file["total"]["minor"]) == (1, due)
        answer = await staff.get(f"/admin/bank-files/{file['id']}")
        assert f"{due // 100}.{due % 100:02}" in answer.text
        assert (await staff.get(f"/admin/bank-files/{file['id']}")).text == answer.text
        files.append(answer.text)
        said = {"ids": [payout["id"]], "paid": is_paid, "reason": "" if is_paid else "Closed"}
        await staff.ok("POST", "/admin/bank-files/settle", said)
        await box.settle()
        ended = await shop.owner.ok("GET", f"/payments/payouts/{payout['id']}")
        assert ended["status"] == ("paid" if is_paid else "failed")
        assert await available(shop) == (0 if is_paid else due)
    assert files[0] != files[1]
    await set_method(box, "test")
    assert await prove_all(box.runtime) == []


async def test_concurrent_requests_and_runs_pay_once(box: Box, shop: Shop) -> None:
    staff = await box.staff()
    path = f"/vendors/{shop.id}/payout-request"
    for _ in range(3):
        await sold(box, shop, 2)
        due = await available(shop)
        whole = {"amount": {"minor": due, "currency": "USD"}}
        asking = [
            shop.owner.post("/payments/payout", {}),
            shop.owner.post(path, {}),
            staff.post("/admin/payouts/run", {}),
            shop.owner.post("/payments/payout", whole),
            staff.post("/admin/payouts/run", {"vendorIds": [shop.id]}),
        ]
        answers: list[httpx.Response] = await asyncio.gather(*asking)
        born = []
        for answer in answers:
            assert answer.status_code in (200, 201, 409), answer.text
            if answer.is_success:
                found = answer.json()
                born += found if isinstance(found, list) else [found]
        assert [payout["amount"]["minor"] for payout in born] == [due]
        paid: list[Any] = await asyncio.gather(
            *(staff.ok("POST", f"/admin/payouts/{born[0]['id']}/approve") for _ in range(3))
        )
        assert {one["id"] for one in paid} == {born[0]["id"]}
        await box.settle()
        assert await available(shop) == 0
    assert await prove_all(box.runtime) == []


async def test_split_tenders_at_once_never_overspend(box: Box, shop: Shop) -> None:
    staff = await box.staff()
    buyer = await box.person("spender@example.com")
    me = await buyer.ok("GET", "/me")
    gift = {"creditsMinor": 1_000, "reason": "For the race"}
    await staff.ok("POST", f"/admin/wallets/{me['id']}/grant", gift)
    token = await box.token(GOOD)
    quotes = [await quote(buyer, {shop.offer: 1}) for _ in range(20)]
    credits = {"minor": 300, "currency": "USD"}
    payment = {"provider": "test", "token": token, "credits": credits}
    answers = await asyncio.gather(
        *(buyer.post("/orders", {"quoteId": one["id"], "payment": payment}) for one in quotes)
    )
    await box.settle()
    placed = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(placed) == 3
    assert {answer.status_code for answer in refused} <= {402, 409}, refused[0].text
    wallet = await buyer.ok("GET", "/wallet")
    assert (wallet["available"]["minor"], wallet["held"]["minor"]) == (100, 0)
    spent = await buyer.ok("GET", "/wallet/statement")
    lines = [one for one in spent["items"] if one["kind"] == "spent" and one["status"] == "done"]
    assert [one["credits"]["minor"] for one in lines] == [-300] * 3
    assert await prove_all(box.runtime) == []


async def test_statements_invoices_and_their_files(box: Box, shop: Shop) -> None:
    clock = clock_of(box)
    month = f"{clock.now():%Y-%m}"
    since = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    until = (since + timedelta(days=32)).replace(day=1)
    period = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
    path = f"/vendors/{shop.id}"
    summary = await shop.owner.ok("GET", f"{path}/statement/summary?{period}")
    moved = sum(amount["minor"] for amount in summary["byCode"].values())
    assert summary["opening"]["minor"] + moved == summary["closing"]["minor"]
    listed = await shop.owner.ok("GET", f"{path}/statement?{period}")
    assert listed["items"][-1]["balance"] == summary["closing"]
    table = await shop.owner.get(f"{path}/statement.csv?{period}")
    assert len(table.text.splitlines()) == len(listed["items"]) + 1
    staff = await box.staff()
    early = await staff.post(f"/admin/invoices/{month}")
    assert (early.status_code, early.json()["code"]) == (422, "month_invalid")
    clock.set(until + timedelta(hours=1))
    for client in (shop.owner, staff):
        client.token = None
        await client.sign_in(client.person["email"])
    await staff.ok("POST", f"/admin/invoices/{month}")
    [invoice] = (await shop.owner.ok("GET", f"{path}/invoices"))["items"]
    assert invoice["month"] == month
    for kind, ref in (("invoice", invoice["number"]), ("statement", month)):
        for form, start in (("pdf", b"%PDF-"), ("csv", b"\xef\xbb\xbf")):
            file = await shop.owner.get(f"{path}/documents/{kind}/{ref}?format={form}")
            assert file.status_code == 200, file.text
            assert file.content.startswith(start)
    stranger: Client = await box.person("nobody@example.com")
    other = await stranger.get(f"{path}/documents/invoice/{invoice['number']}")
    assert other.status_code in (403, 404)
    assert UUID(invoice["vendorId"]) == UUID(shop.id)
    assert await prove_all(box.runtime) == []
