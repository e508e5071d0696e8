"""The routes of payouts and payments, behind the door: who may, and what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from haat.domains.money.payments.api import Disbursement, Payments
from haat.domains.money.payments.routes import router as payments_router
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.payouts.routes import router as payouts_router
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import OUR_ACCOUNT, Bank, FragileLedger, payouts_with
from tests.domains.money.test_payouts import BANK_ACCOUNT, CTX, draft
from tests.domains.trade.rest import Client, served, token

DatabaseOf = Callable[[str], Awaitable[Database]]
VENDOR, OTHER = uuid4(), uuid4()
OWNER = token(uuid4(), "vendor:money", vendor_id=VENDOR)
PACKER = token(uuid4(), "vendor:orders", vendor_id=VENDOR)
STAFF = token(uuid4(), "staff", "staff:payouts")
CUSTOMER = token(uuid4())


class PayoutsClient:
    """Asks the routes; `bank` is what stands behind them."""

    def __init__(self, client: Client, bank: Bank) -> None:
        self._client = client
        self.bank = bank

    async def __call__(
        self, who: str | None, method: str, path: str, **given: Any
    ) -> httpx.Response:
        return await self._client(who, method, path, **given)


@pytest.fixture
async def payouts(database_of: DatabaseOf, database_url: str) -> AsyncIterator[PayoutsClient]:
    await emptied(database_url, "ledger", "payouts")
    ledger = FragileLedger(await database_of("ledger"))
    db = await database_of("payouts")
    bank = Bank()
    service = payouts_with(db, ledger, bank)
    one = draft(VENDOR)
    await service.expect(CTX, earnings=[one])
    await service.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    async with served(Payouts, service, payouts_router) as client:
        yield PayoutsClient(client, bank)


async def test_where_accounts_are_checked_none_comes_past_it(
    database_of: DatabaseOf, database_url: str
) -> None:
    await emptied(database_url, "ledger", "payouts")
    settings = OUR_ACCOUNT.model_copy(update={"bank_verification": "required"})
    db, ledger = await database_of("payouts"), FragileLedger(await database_of("ledger"))
    service = payouts_with(db, ledger, Bank(), settings=settings)
    body = {"holder": BANK_ACCOUNT.holder, "account": BANK_ACCOUNT.account}
    path = f"/vendors/{VENDOR}/bank"
    async with served(Payouts, service, payouts_router) as http:
        payouts = PayoutsClient(http, Bank())
        refused = await payouts(OWNER, "PUT", path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "bank_account_unchecked")
        assert (await payouts(OWNER, "GET", path)).json() is None
        # What banking has checked comes from a module.
        await service.set_destination(CTX, vendor_id=VENDOR, destination=BANK_ACCOUNT)
        assert (await payouts(OWNER, "GET", path)).json()["account"] == "••••••••6789"


async def test_a_vendor_is_paid(payouts: PayoutsClient) -> None:
    body = {"holder": BANK_ACCOUNT.holder, "account": BANK_ACCOUNT.account}
    refused = await payouts(OWNER, "POST", "/payments/payout")
    assert refused.json()["code"] == "payout_destination_missing"
    for method in ("PUT", "POST"):
        done = await payouts(OWNER, method, f"/vendors/{VENDOR}/bank", json=body)
        assert done.status_code == 204
    bank = (await payouts(OWNER, "GET", f"/vendors/{VENDOR}/bank")).json()
    assert bank["account"] == "••••••••6789"
    balance = (await payouts(OWNER, "GET", "/payments/balance")).json()
    assert balance["available"] == {"minor": 970, "currency": "USD"}
    for path in (f"/vendors/{VENDOR}/earnings", "/payments/transactions"):
        [earning] = (await payouts(OWNER, "GET", path)).json()["items"]
        assert (earning["net"]["minor"], earning["status"]) == (970, "eligible")
    amount = {"amount": {"minor": 100, "currency": "USD"}}
    first = await payouts(OWNER, "POST", f"/vendors/{VENDOR}/payout-request", json=amount)
    second = await payouts(OWNER, "POST", "/payments/payout")
    assert (first.status_code, second.json()["amount"]["minor"]) == (201, 870)
    low = await payouts(OWNER, "POST", "/payments/payout", json=amount)
    assert (low.status_code, low.json()["code"]) == (409, "balance_too_low")
    assert low.json()["available"]["minor"] == 0
    queue = (await payouts(STAFF, "GET", "/admin/payouts?status=requested")).json()
    assert len(queue["items"]) == 2
    approve = f"/admin/payouts/{first.json()['id']}/approve"
    assert (await payouts(STAFF, "POST", approve)).json()["status"] == "paid"
    reject = f"/admin/payouts/{second.json()['id']}/reject"
    assert (await payouts(STAFF, "POST", reject, json={})).status_code == 422
    rejected = await payouts(STAFF, "POST", reject, json={"reason": "No proof of address"})
    assert rejected.json()["status"] == "rejected"
    listed = (await payouts(OWNER, "GET", "/payments/payouts")).json()["items"]
    assert sorted(p["status"] for p in listed) == ["paid", "rejected"]


async def test_a_vendor_reads_what_it_will_get(payouts: PayoutsClient) -> None:
    [found] = (await payouts(OWNER, "GET", f"/vendors/{VENDOR}/earnings?status=eligible")).json()[
        "items"
    ]
    money = {name: found[name]["minor"] for name in ("gross", "commission", "fees", "net")}
    assert money == {"gross": 1080, "commission": 30, "fees": 0, "net": 970}
    assert (found["currency"], found["status"]) == ("USD", "eligible")
    path = f"/payments/earnings/{found['vendorOrderId']}"
    [line] = (await payouts(OWNER, "GET", path)).json()["lines"]
    assert line["terms"]["rateBp"] == 300
    [forecast] = (await payouts(OWNER, "GET", f"{path}/forecast")).json()
    assert forecast["blockers"] == ["schedule", "destination"]
    assert forecast["deductions"][0] == {
        "kind": "commission",
        "minor": 30,
        "why": "The market's default rate: 3 %",
    }
    history = await payouts(OWNER, "GET", f"/payments/earnings/lines/{line['id']}/forecasts")
    assert [one["cause"] for one in history.json()] == ["sold", "window_closed"]
    coming = (await payouts(OWNER, "GET", "/payments/balance/forecast")).json()
    assert coming["waiting"]["destination"]["minor"] == 970
    past = await payouts(OWNER, "GET", "/payments/balance?as_of=2020-01-01T00:00:00Z")
    assert past.json()["available"]["minor"] == 0
    naive = await payouts(OWNER, "GET", "/payments/balance?as_of=2020-01-01T00:00:00")
    assert naive.status_code == 422


async def test_staff_set_the_rules(payouts: PayoutsClient) -> None:
    chief = token(uuid4(), "staff", "staff:money", "staff:payouts")
    policy = {"policy": {"method": "bank", "autoApproveMinor": 5000}, "reason": "The bank is open"}
    assert (await payouts(STAFF, "PUT", "/admin/payout-policy", json=policy)).status_code == 403
    done = await payouts(chief, "PUT", "/admin/payout-policy", json=policy)
    assert done.json()["autoApproveMinor"] == 5000
    held = {"held": True, "heldReason": "Who?", "reason": "Unknown"}
    path = f"/admin/vendors/{VENDOR}/payout-terms"
    assert (await payouts(chief, "PUT", path, json=held)).json()["held"] is True
    assert (await payouts(chief, "GET", path)).json()["heldReason"] == "Who?"
    refused = await payouts(OWNER, "POST", "/payments/payout")
    assert refused.json()["blockers"] == ["hold"]
    await payouts(chief, "PUT", path, json={"reason": "Known"})
    fine = {"amount": {"minor": 70, "currency": "USD"}, "reason": "Late"}
    charged = await payouts(chief, "POST", f"/admin/vendors/{VENDOR}/charges", json=fine)
    assert (charged.status_code, charged.json()["tax"]["minor"]) == (201, 0)
    bank = {"holder": "Ada", "account": "DE02120300000000202051", "bic": "BYLADEM1001"}
    await payouts(OWNER, "PUT", f"/vendors/{VENDOR}/bank", json=bank)
    [paid] = (await payouts(STAFF, "POST", "/admin/payouts/run")).json()
    assert (paid["amount"]["minor"], paid["method"]) == (900, "bank")
    one = (await payouts(OWNER, "GET", f"/payments/payouts/{paid['id']}")).json()
    assert sum(item["amount"]["minor"] for item in one["items"]) == 900
    listed = (await payouts(OWNER, "GET", "/payments/charges")).json()["items"]
    assert [charge["reason"] for charge in listed] == ["Late"]
    balance = (await payouts(STAFF, "GET", f"/admin/vendors/{VENDOR}/balance")).json()
    assert balance["paid"]["minor"] == 900


async def test_a_bank_file_is_downloaded(payouts: PayoutsClient) -> None:
    chief = token(uuid4(), "staff", "staff:money", "staff:payouts")
    policy = {"policy": {"method": "bank", "autoApproveMinor": 5000}, "reason": "The bank is open"}
    await payouts(chief, "PUT", "/admin/payout-policy", json=policy)
    payouts.bank.answers = [Disbursement(status="pending")]
    bank = {"holder": "Ada", "account": "DE02120300000000202051"}
    await payouts(OWNER, "PUT", f"/vendors/{VENDOR}/bank", json=bank)
    asked = (await payouts(OWNER, "POST", "/payments/payout")).json()
    made = await payouts(STAFF, "POST", "/admin/bank-files", json={"format": "csv"})
    assert (made.status_code, made.json()["payouts"]) == (201, 1)
    text = await payouts(STAFF, "GET", f"/admin/bank-files/{made.json()['id']}")
    assert text.headers["content-type"].startswith("text/csv")
    assert asked["id"] in text.text
    said = {"ids": [asked["id"]], "paid": True}
    [paid] = (await payouts(STAFF, "POST", "/admin/bank-files/settle", json=said)).json()
    assert paid["status"] == "paid"
    [file] = (await payouts(STAFF, "GET", "/admin/bank-files")).json()["items"]
    assert file["settled"] == 1


@pytest.mark.parametrize(
    ("who", "status"), [(None, 401), (CUSTOMER, 403), (PACKER, 403), (STAFF, 403)]
)
async def test_only_those_who_keep_a_vendors_money(
    payouts: PayoutsClient, who: str | None, status: int
) -> None:
    for method, path in (
        ("GET", f"/vendors/{VENDOR}/earnings"),
        ("GET", f"/vendors/{VENDOR}/bank"),
        ("POST", f"/vendors/{VENDOR}/payout-request"),
    ):
        assert (await payouts(who, method, path)).status_code == status


async def test_another_vendors_money_is_not_found(payouts: PayoutsClient) -> None:
    for method, path in (
        ("GET", f"/vendors/{OTHER}/earnings"),
        ("GET", f"/vendors/{OTHER}/bank"),
        ("POST", f"/vendors/{OTHER}/payout-request"),
    ):
        assert (await payouts(OWNER, method, path)).status_code == 404
    assert (await payouts(CUSTOMER, "GET", "/payments/balance")).status_code == 403
    for who, status in ((None, 401), (OWNER, 403)):
        assert (await payouts(who, "GET", "/admin/payouts")).status_code == status
        path = f"/admin/payouts/{uuid4()}/approve"
        assert (await payouts(who, "POST", path)).status_code == status
    assert (await payouts(STAFF, "POST", f"/admin/payouts/{uuid4()}/approve")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 5},
        {"amount": {"minor": 1.5, "currency": "USD"}},
        {"amount": {"minor": 0, "currency": "USD"}},
        {"amount": {"minor": 5, "currency": "usd"}},
        {"amount": {"minor": 5, "currency": "EUR"}},
        {"amount": {"minor": 10**20, "currency": "USD"}},
        {"sum": 5},
        [],
    ],
)
async def test_bad_input_is_refused(payouts: Client, body: object) -> None:
    bank = {"holder": "Ada", "account": "000123456789"}
    await payouts(OWNER, "PUT", f"/vendors/{VENDOR}/bank", json=bank)
    answer = await payouts(OWNER, "POST", "/payments/payout", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    for query in ("limit=0", "limit=101", "cursor=x", "status=reserving"):
        assert (await payouts(STAFF, "GET", f"/admin/payouts?{query}")).status_code == 422
    assert (await payouts(OWNER, "GET", "/vendors/1/earnings")).status_code == 422


async def test_payments_over_rest(
    database_of: DatabaseOf, database_url: str, tmp_path: Path
) -> None:
    await emptied(database_url, "payments")
    key = tmp_path / "key"
    key.write_text("sk_test_0123456789abcdef")
    settings = PaymentsSettings(testcard_url="http://127.0.0.1:1", testcard_secret_file=key)
    async with HttpClient() as http:
        service = PaymentsService(await database_of("payments"), http, settings)
        async with served(Payments, service, payments_router) as client:
            [found] = (await client(None, "GET", "/payments/providers")).json()["items"]
            assert found["tokenUrl"] == "http://127.0.0.1:1/tokens"
            for path in ("/payments/webhook/test", "/payments/webhook"):
                for content in (b"{}", b"\xff\xfe"):
                    forged = await client(None, "POST", path, content=content)
                    assert forged.status_code == 422
                    assert forged.json()["code"] == "webhook_signature_invalid"
            unknown = await client(None, "POST", "/payments/webhook/gold", content=b"{}")
            assert unknown.json()["code"] == "payment_provider_unknown"
            huge = await client(None, "POST", "/payments/webhook", content=b"x" * (1 << 19))
            assert huge.status_code == 413
            for who, status in ((None, 401), (OWNER, 403), (STAFF, 200)):
                assert (await client(who, "GET", "/admin/payments")).status_code == status
