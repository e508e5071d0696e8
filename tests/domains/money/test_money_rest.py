"""The routes of payouts and payments, behind the door: who may, and what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from haat.domains.money.payments.api import Payments
from haat.domains.money.payments.routes import router as payments_router
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.payouts.routes import router as payouts_router
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Bank, FragileLedger, payouts_with
from tests.domains.money.test_payouts import BANK_ACCOUNT, CTX, draft
from tests.domains.trade.rest import Client, served, token

DatabaseOf = Callable[[str], Awaitable[Database]]
VENDOR, OTHER = uuid4(), uuid4()
OWNER = token(uuid4(), "vendor:money", vendor_id=VENDOR)
PACKER = token(uuid4(), "vendor:orders", vendor_id=VENDOR)
STAFF = token(uuid4(), "staff", "staff:payouts")
CUSTOMER = token(uuid4())


@pytest.fixture
async def payouts(database_of: DatabaseOf, database_url: str) -> AsyncIterator[Client]:
    await emptied(database_url, "ledger", "payouts")
    ledger = FragileLedger(await database_of("ledger"))
    db = await database_of("payouts")
    service = payouts_with(db, ledger, Bank())
    one = draft(VENDOR)
    await service.expect(CTX, earnings=[one])
    await service.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    async with served(Payouts, service, payouts_router) as client:
        yield client


async def test_a_vendor_is_paid(payouts: Client) -> None:
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


@pytest.mark.parametrize(
    ("who", "status"), [(None, 401), (CUSTOMER, 403), (PACKER, 403), (STAFF, 403)]
)
async def test_only_those_who_keep_a_vendors_money(
    payouts: Client, who: str | None, status: int
) -> None:
    for method, path in (
        ("GET", f"/vendors/{VENDOR}/earnings"),
        ("GET", f"/vendors/{VENDOR}/bank"),
        ("POST", f"/vendors/{VENDOR}/payout-request"),
    ):
        assert (await payouts(who, method, path)).status_code == status


async def test_another_vendors_money_is_not_found(payouts: Client) -> None:
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
