"""A vendor's money and the market's payouts on a real market: what is shown, asked for, decided."""

import csv
import io
import re
from uuid import UUID, uuid4

import pytest_asyncio

from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payout, Payouts, Policy
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.context import Context
from haat.kernel.money import Money
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import Shop, buy, open_shop


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class Scene:
    """A shop, its owner, the market's staff, and what they did last."""

    def __init__(self, box: Box, shop: Shop, owner: Browser, admin: Browser) -> None:
        self.box, self.shop, self.owner, self.admin = box, shop, owner, admin
        self.vendor = UUID(shop.id)
        self.payouts: Payouts = box.runtime.inner[Payouts]

    @property
    def ctx(self) -> Context:
        return self.box.runtime.system_context("test")

    @property
    def terms(self) -> str:
        return f"/admin/vendors/{self.vendor}/money"

    async def sale(self, *, delivered: bool = True) -> UUID:
        """A vendor order of $20 and shipping, on the balance when it is delivered."""
        buyer = await self.box.person("buyer@example.com", "Ada Buyer")
        await buy(self.box, buyer, {self.shop.offer: 2})
        orders = self.box.runtime.inner[Orders]
        found = await orders.vendor_orders(self.ctx, vendor_id=self.vendor, limit=1)
        id: UUID = found.items[0].id
        if delivered:
            for move in (orders.accept, orders.ship, orders.deliver):
                await move(self.ctx, id=id)
            await self.settle()
        return id

    async def settle(self) -> None:
        for _ in range(2):
            await self.box.settle()
            await self.box.runtime.run_timers()

    async def refund(self, id: UUID, minor: int) -> None:
        settlement = self.box.runtime.inner[Settlement]
        await settlement.refund(
            self.ctx, id=uuid4(), vendor_order_id=id, amount=usd(minor), reason="Chipped"
        )
        await self.settle()

    async def asked(self, minor: int) -> Payout:
        await self.payouts.set_destination(
            self.ctx,
            vendor_id=self.vendor,
            destination=Destination(holder="Clay", account="GB29NWBK60161331"),
        )
        return await self.payouts.request(
            self.ctx, id=uuid4(), vendor_id=self.vendor, amount=usd(minor)
        )

    async def available(self) -> int:
        found = await self.payouts.balance(self.ctx, vendor_id=self.vendor)
        return found.available.minor


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(box: Box) -> Scene:
    shop = await open_shop(box, "Clay House", price=1000, stock=500)
    await box.staff()
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    return Scene(box, shop, owner, await Browser(box).sign_in("admin@staff.example.com"))


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def as_before(scene: Scene) -> None:
    """The rules as a new market has them."""
    await scene.payouts.set_policy(scene.ctx, policy=Policy(), reason="As it was")


async def test_every_page_of_the_vendors_money(scene: Scene) -> None:
    sold = await scene.sale()
    payout = await scene.asked(100)
    for path in (
        "", "/earnings", "/earnings?status=pending", "/earnings?since=2020-01-01&until=2020-02-01",
        f"/earnings/{sold}", "/payouts", f"/payouts/{payout.id}", "/statement",
        "/statement?month=2020-01", "/statement?since=2020-01-01&until=2030-01-01", "/invoices",
        "/charges",
    ):  # fmt: skip
        text = await scene.owner.page(f"/vendor/money{path}")
        assert 'aria-label="Money"' in text or "crumbs" in text


async def test_every_page_of_the_markets_payouts(scene: Scene) -> None:
    await scene.sale()
    payout = await scene.asked(100)
    for path in (
        "/admin/payouts", "/admin/payouts?status=all", f"/admin/payouts/{payout.id}",
        "/admin/bank-files", "/admin/payout-policy", "/admin/income", scene.terms,
    ):  # fmt: skip
        assert 'aria-label="Back office"' in await scene.admin.page(path)


async def test_anothers_money_is_not_there(scene: Scene) -> None:
    sold = await scene.sale()
    payout = await scene.asked(100)
    await open_shop(scene.box, "The Loom", price=4500, stock=5)
    other = await Browser(scene.box).sign_in("owner@the-loom.example.com")
    for path in (
        f"/vendor/money/earnings/{sold}", f"/vendor/money/payouts/{payout.id}",
        f"/vendor/files/payouts/{payout.id}.pdf", "/vendor/files/invoices/NO-1.pdf",
        "/vendor/money/onboarding/test",
    ):  # fmt: skip
        await other.page(path, 404)
    buyer = await Browser(scene.box).sign_in("buyer@example.com")
    for path in ("/vendor/money", "/vendor/files/statement.csv", "/admin/payout-policy",
                 "/admin/income", scene.terms, "/admin/bank-files"):  # fmt: skip
        await buyer.page(path, 403)


async def test_an_earning_tells_its_story(scene: Scene) -> None:
    sold = await scene.sale(delivered=False)
    path = f"/vendor/money/earnings/{sold}"
    text = await scene.owner.page(path)
    assert "Orders that are not delivered yet" in text
    assert "3 % of $20.00 (the market&#39;s rate)" in text
    assert "−$0.60" in text
    assert text.count("The order was paid: you get $19.40") == 1
    await scene.refund(sold, 1000)
    text = await scene.owner.page(path)
    assert re.search(
        r"A refund to the customer: <strong>changed by −\u2060\$\d+\.\d\d</strong>", text
    )
    earning = await scene.payouts.earning(scene.ctx, vendor_order_id=sold)
    forecasts = await scene.payouts.forecast(scene.ctx, vendor_order_id=sold)
    for line in earning.lines:
        [newest] = [one for one in forecasts if one.line_id == line.id]
        lowered = sum(one.minor for one in newest.deductions if one.kind != "reserve")
        assert line.gross.minor - lowered == newest.net.minor, "what the page adds up"


async def test_earnings_are_found_by_status_and_period(scene: Scene) -> None:
    sold = await scene.sale(delivered=False)
    href = f"/vendor/money/earnings/{sold}"
    assert href in await scene.owner.page("/vendor/money/earnings?status=pending")
    assert href not in await scene.owner.page("/vendor/money/earnings?status=paid")
    today = scene.ctx.now().date().isoformat()
    assert href in await scene.owner.page(f"/vendor/money/earnings?since={today}&until={today}")
    assert href not in await scene.owner.page("/vendor/money/earnings?until=2020-01-01")
    for wrong in ("since=x", "until=2026-02-30", "since=2026-02-02&until=2026-02-01",
                  "until=9999-12-31"):  # fmt: skip
        text = await scene.owner.page(f"/vendor/money/earnings?{wrong}", 422)
        assert 'aria-invalid="true"' in text


async def test_a_payout_adds_up_and_leads_to_its_orders(scene: Scene) -> None:
    sold = await scene.sale()
    payout = await scene.asked(await scene.available())
    text = await scene.owner.page(f"/vendor/money/payouts/{payout.id}")
    assert f'href="/vendor/money/earnings/{sold}"' in text
    whole = f"${payout.amount.decimal()}"
    assert f"<strong>{whole}</strong>" in text
    staff = await scene.admin.page(f"/admin/payouts/{payout.id}")
    assert f"<strong>{whole}</strong>" in staff
    pdf = await scene.owner.http.get(f"/vendor/files/payouts/{payout.id}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["cache-control"] == "private, no-store"
    sheet = await scene.owner.http.get(f"/vendor/files/payouts/{payout.id}.csv")
    assert payout.amount.decimal() in sheet.text
    assert (await scene.owner.http.get(f"/vendor/files/payouts/{payout.id}.exe")).status_code == 422


async def test_the_statement_is_the_same_on_the_page_and_in_the_file(scene: Scene) -> None:
    sold = await scene.sale()
    await scene.refund(sold, 500)
    text = await scene.owner.page("/vendor/money/statement")
    for words in ("Opening balance", "Earnings", "Refunds to customers", "Closing balance"):
        assert words in text
    closing = re.search(r"Closing balance</th><td class=\"num\">([^<]+)", text)
    link = re.search(r'href="(/vendor/files/statement\.csv[^"]+)"', text)
    assert closing
    assert link
    answer = await scene.owner.http.get(link[1].replace("&amp;", "&"))
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert f"${rows[-1]['balance']}" == closing[1]
    assert {row["what"] for row in rows} >= {"Earning", "Refund to the customer"}
    month = f"{scene.ctx.now():%Y-%m}"
    pdf = await scene.owner.http.get(f"/vendor/files/statements/{month}.pdf")
    assert pdf.content.startswith(b"%PDF")
    for wrong in ("month=x", "since=2026-01-01", "since=2026-01-02&until=2026-01-01"):
        assert 'role="alert"' in await scene.owner.page(f"/vendor/money/statement?{wrong}", 422)
    assert (await scene.owner.http.get("/vendor/files/statements/2026-13.pdf")).status_code == 422


async def test_what_keeps_a_vendor_from_being_paid_is_told(scene: Scene) -> None:
    await scene.sale()
    await scene.asked(100)
    form = form_in(await scene.admin.page(scene.terms), f"{scene.terms[:-6]}/terms")
    terms = f"{scene.terms[:-6]}/terms"
    silent = await scene.admin.send(terms, {**form, "held": "on", "held_reason": "", "reason": "x"})
    assert silent.status_code == 422
    assert 'id="held_reason-error"' in silent.text
    held = {**form, "held": "on", "held_reason": "We look into <it>", "reason": "A complaint"}
    assert await scene.admin.done(terms, held) == scene.terms
    text = await scene.owner.page("/vendor/money")
    assert "We look into &lt;it&gt;" in text
    refused = await scene.owner.send("/vendor/money/payouts", {"id": str(uuid4()), "amount": "1"})
    assert refused.status_code == 409
    assert "The market holds it back" in refused.text
    assert "Payouts held" in await scene.admin.page("/admin/payouts")
    free = {**form, "threshold": "500", "verified": "on", "reason": "Sorted out"}
    assert await scene.admin.done(terms, free) == scene.terms
    text = await scene.owner.page("/vendor/money")
    assert "You are paid when you ask for it, from $500.00 on." in text
    low = await scene.owner.send("/vendor/money/payouts", {"id": str(uuid4()), "amount": "1"})
    assert "Payouts start at $500.00." in low.text
    assert 'id="amount-error"' in low.text
    found = await scene.payouts.terms(scene.ctx, vendor_id=scene.vendor)
    assert found.verified_at is not None
    again = form_in(await scene.admin.page(scene.terms), terms)
    assert again["threshold"] == "500.00"
    assert again["verified"] == "on"
    again.pop("verified")
    await scene.admin.done(terms, {**again, "threshold": "", "reason": "Back again"})
    found = await scene.payouts.terms(scene.ctx, vendor_id=scene.vendor)
    assert (found.threshold_minor, found.verified_at) == (None, None)


async def test_a_vendor_is_charged_once(scene: Scene) -> None:
    path = f"{scene.terms[:-6]}/charges"
    before = await scene.available()
    form = form_in(await scene.admin.page(scene.terms), path)
    wrong = await scene.admin.send(path, {**form, "amount": "0", "why": ""})
    assert wrong.status_code == 422
    for field in ("amount", "why"):
        assert f'id="{field}-error"' in wrong.text
    form |= {"amount": "3", "tax": "0.60", "why": "A lost <label>", "kind": "fee"}
    for _ in range(2):
        assert await scene.admin.done(path, form) == scene.terms
    assert await scene.available() == before - 360
    other = await scene.admin.send(path, {**form, "amount": "4"})
    assert other.status_code == 409
    assert "sent before" in other.text
    form = form_in(await scene.admin.page(scene.terms), path)
    await scene.admin.done(path, {**form, "amount": "3.60", "why": "Found", "kind": "credit"})
    assert await scene.available() == before
    text = await scene.owner.page("/vendor/money/charges")
    assert "A lost &lt;label&gt;" in text
    assert "Credit note" in text


async def test_many_are_decided_at_once(scene: Scene) -> None:
    await scene.sale()
    one, two, three = [await scene.asked(minor) for minor in (110, 120, 130)]
    path = "/admin/payouts/decide?status=requested"
    text = await scene.admin.page("/admin/payouts")
    assert f'name="pick_{one.id}"' in text
    none = await scene.admin.send(path, {"decision": "approve", "reason": ""})
    assert none.status_code == 422
    assert "Choose payouts first." in none.text
    chosen = {f"pick_{one.id}": "on", f"pick_{two.id}": "on"}
    silent = await scene.admin.send(path, {**chosen, "decision": "reject", "reason": ""})
    assert silent.status_code == 422
    assert 'id="reason-error"' in silent.text
    assert silent.text.count(" checked") >= 2, "what was chosen stays chosen"
    await scene.admin.done(path, {**chosen, "decision": "reject", "reason": "Wrong account"})
    found = [await scene.payouts.payout(scene.ctx, id=payout.id) for payout in (one, two)]
    assert [(payout.status, payout.reason) for payout in found] == [
        ("rejected", "Wrong account")
    ] * 2
    mixed = {f"pick_{one.id}": "on", f"pick_{three.id}": "on", "decision": "approve"}
    part = await scene.admin.send(path, mixed)
    assert part.status_code == 409
    assert "1 paid ($1.30). 1 could not be decided." in part.text
    assert (await scene.payouts.payout(scene.ctx, id=three.id)).status == "paid"
    assert (
        await scene.admin.send(path, {"pick_x": "on", "decision": "approve"})
    ).status_code == 422


async def test_one_payout_is_decided_on_its_page(scene: Scene) -> None:
    await scene.sale()
    payout = await scene.asked(140)
    path = f"/admin/payouts/{payout.id}"
    refused = await scene.admin.send(f"{path}?status=one", {"decision": "reject", "reason": ""})
    assert refused.status_code == 422
    assert 'id="reason-error"' in refused.text
    assert await scene.admin.done(f"{path}?status=one", {"decision": "approve"}) == path
    assert "What it is made of" in await scene.admin.page(path)
    await scene.admin.page(f"/admin/payouts/{uuid4()}", 404)


async def test_a_run_pays_who_is_due_and_tells(scene: Scene) -> None:
    await scene.sale()
    left = await scene.available()
    assert left > 0
    where = await scene.admin.done("/admin/payouts/run")
    assert where.startswith("/admin/payouts/run?since=")
    text = await scene.admin.page(where)
    assert f"${usd(left).decimal()}" in text
    assert "Clay House" in text
    assert await scene.available() == 0
    assert await scene.admin.done("/admin/payouts/run") == "/admin/payouts", "nobody is left"
    assert "Nobody is due" in await scene.admin.page("/admin/payouts")
    nothing = "/admin/payouts/run?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z"
    assert "This run paid nobody" in await scene.admin.page(nothing)
    await scene.admin.page("/admin/payouts/run?since=2020-01-01T00:00&until=2020-01-02T00:00", 404)


async def test_the_rules_are_changed_with_a_reason(scene: Scene) -> None:
    path = "/admin/payout-policy"
    text = await scene.admin.page(path)
    assert "Staff approve every payout." in text
    form = form_in(text, path)
    wrong = await scene.admin.send(
        path, {**form, "threshold": "x", "reserve": "101", "schedule": "hourly"}
    )
    assert wrong.status_code == 422
    for field in ("threshold", "reserve", "schedule", "reason"):
        assert f'id="{field}-error"' in wrong.text
    no_days = await scene.admin.send(path, {**form, "reserve": "10", "reason": "Care"})
    assert 'id="reserve_days-error"' in no_days.text
    form |= {
        "schedule": "weekly", "weekday": "5", "threshold": "25", "auto_approve": "100",
        "reserve": "12.5", "reserve_days": "30", "kept_commission": "on", "kyc_required": "on",
        "reason": "Growing",
    }  # fmt: skip
    form.pop("vendor_bears_dispute_fee")
    assert await scene.admin.done(path, form) == path
    text = await scene.admin.page(path)
    for sentence in (
        "Every Friday, every vendor with enough on the balance is paid all of it.",
        "Payouts start at $25.00.", "Payouts up to $100.00 need no staff; larger ones do.",
        "12.5 % of what a vendor earns is held back for 30 days",
        "the market keeps its commission", "The market bears the fee of a dispute.",
        "Nobody is paid before staff have verified who it is.",
    ):  # fmt: skip
        assert sentence in text, sentence
    assert await scene.payouts.policy(scene.ctx) == Policy(
        kept_commission=True, vendor_bears_dispute_fee=False, reserve_bp=1250, reserve_days=30,
        schedule="weekly", schedule_day=5, threshold_minor=2500, auto_approve_minor=10000,
        kyc_required=True,
    )  # fmt: skip
    vendor = await scene.owner.page("/vendor/money")
    assert "Payouts are made every Friday, if at least $25.00 are available." in vendor
    assert "The market must first know who you are" in vendor


async def test_bank_files_without_an_account_are_refused(scene: Scene) -> None:
    path = "/admin/bank-files"
    form = form_in(await scene.admin.page(path), path)
    refused = await scene.admin.send(path, {**form, "format": "csv"})
    assert refused.status_code in (409, 422)
    assert 'role="alert"' in refused.text
    await scene.admin.page(f"{path}/{uuid4()}", 404)
    await scene.admin.page(f"/admin/files/bank/{uuid4()}", 404)


async def test_overviews_show_the_money(scene: Scene) -> None:
    await scene.sale()
    await scene.asked(100)
    text = await scene.owner.page("/vendor")
    assert "Sales of the last 30 days" in text
    assert "Payouts under way" in text
    staff = await scene.admin.page("/admin")
    assert "Commission this month" in staff
    income = await scene.admin.page("/admin/income")
    assert f"{scene.ctx.now():%B %Y}" in income
