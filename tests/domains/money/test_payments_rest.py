"""The routes of payments, behind the door: who may, and what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import Method, Payments
from haat.domains.money.payments.routes import router
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.paying import CTX, usd
from tests.domains.trade.rest import Client, served, token

BUYER, VENDOR = uuid4(), uuid4()
CUSTOMER, OTHER = token(BUYER), token(uuid4())
OWNER = token(uuid4(), "vendor:money", vendor_id=VENDOR)
PACKER = token(uuid4(), "vendor:orders", vendor_id=VENDOR)
MONEY, STAFF = token(uuid4(), "staff", "staff:money"), token(uuid4(), "staff", "staff:orders")


@dataclass
class Desk:
    ask: Client
    payments: PaymentsService
    db: Database

    async def awaiting(self) -> tuple[UUID, str]:
        id = uuid4()
        hold = await self.payments.hold(
            CTX,
            id=id,
            reference=uuid4(),
            amount=usd(1299),
            method=Method(provider="bank"),
            return_url="",
            person_id=BUYER,
        )
        assert hold.instructions is not None
        return id, hold.instructions.reference


@pytest.fixture
async def desk(
    database_of: Callable[[str], Awaitable[Database]], database_url: str, tmp_path: Path
) -> AsyncIterator[Desk]:
    await emptied(database_url, "payments")
    db = await database_of("payments")
    (tmp_path / "key").write_text("sk_test_0123456789abcdef")
    settings = PaymentsSettings(
        testcard_url="http://127.0.0.1:1",
        testcard_secret_file=tmp_path / "key",
        bank_iban="DE89370400440532013000",
        bank_holder="Haat",
        recorded_payments=True,
    )
    async with HttpClient() as http:
        service = PaymentsService(db, http, settings)
        async with served(Payments, service, router) as client:
            yield Desk(client, service, db)


def credit(reference: str, **given: Any) -> dict[str, Any]:
    known = {
        "id": str(uuid4()),
        "text": f"order {reference}",
        "amount": {"minor": 1299, "currency": "USD"},
        "bookedAt": "2026-11-20T00:00:00Z",
    }
    return known | given


async def test_providers_as_offered(desk: Desk) -> None:
    for who, names in ((None, ["test", "bank"]), (STAFF, ["test", "bank", "recorded"])):
        items = (await desk.ask(who, "GET", "/payments/providers")).json()["items"]
        assert [one["name"] for one in items] == names
    assert items[0]["tokenUrl"] == "http://127.0.0.1:1/tokens"
    assert (items[1]["kind"], items[1]["savesMethods"]) == ("bank_transfer", False)


async def test_a_transfer_from_the_wait_to_its_money(desk: Desk) -> None:
    id, reference = await desk.awaiting()
    [own] = (await desk.ask(CUSTOMER, "GET", "/me/payments")).json()["items"]
    assert (own["id"], own["instructions"]["reference"]) == (str(id), reference)
    assert (await desk.ask(OTHER, "GET", "/me/payments")).json()["items"] == []
    body = {"funds": [credit(reference), credit("nothing")]}
    for _ in range(2):
        answer = await desk.ask(MONEY, "POST", "/admin/payments/funds", json=body)
        assert [one["outcome"] for one in answer.json()["items"]] == ["captured", "unmatched"]
    listed = await desk.ask(STAFF, "GET", "/admin/payments?status=captured&provider=bank")
    assert [one["id"] for one in listed.json()["items"]] == [str(id)]
    assert (await desk.ask(STAFF, "GET", "/admin/payments?provider=cod")).json()["items"] == []


async def test_staff_confirm_and_settle(desk: Desk) -> None:
    id, _ = await desk.awaiting()
    path = f"/admin/payments/{id}/confirm"
    confirmed = await desk.ask(MONEY, "POST", path, json={"note": "seen"})
    assert confirmed.json()["status"] == "captured"
    [raw] = (await desk.ask(MONEY, "GET", f"/admin/payments/{id}/raw")).json()["items"]
    assert (raw["type"], raw["payload"]["note"]) == ("transfer.confirmed", "seen")
    refund = uuid4()
    await desk.payments.refund(CTX, id=id, refund_id=refund, amount=usd(300))
    [due] = (await desk.ask(MONEY, "GET", "/admin/payments/refunds")).json()["items"]
    assert (due["id"], due["amount"]["minor"]) == (str(refund), 300)
    body = {"ids": [str(refund)], "done": True}
    assert (await desk.ask(MONEY, "POST", "/admin/payments/refunds/settle", json=body)).is_success
    refused = await desk.ask(
        MONEY, "POST", "/admin/payments/refunds/settle", json=body | {"done": False}
    )
    assert refused.json()["code"] == "payment_state"


async def test_methods_and_onboarding(desk: Desk) -> None:
    assert (await desk.ask(CUSTOMER, "GET", "/payments/methods")).json()["items"] == []
    gone = await desk.ask(CUSTOMER, "DELETE", f"/payments/methods/{uuid4()}")
    assert (gone.status_code, gone.json()["code"]) == (404, "payment_method_unknown")
    body = {"provider": "bank", "returnUrl": "http://127.0.0.1:4004/vendor"}
    refused = await desk.ask(OWNER, "POST", "/payments/onboarding", json=body)
    assert refused.json()["code"] == "payment_provider_unknown"
    assert (await desk.ask(OWNER, "GET", "/payments/onboarding")).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "/me/payments", CUSTOMER),
        ("GET", "/payments/methods", CUSTOMER),
        ("GET", "/payments/onboarding", OWNER),
        ("GET", "/admin/payments", STAFF),
        ("GET", "/admin/payments/disputes", STAFF),
        ("GET", "/admin/payments/refunds", MONEY),
        ("GET", f"/admin/payments/{UUID(int=9)}/raw", MONEY),
    ],
)
async def test_who_may_look(desk: Desk, method: str, path: str, may: str) -> None:
    assert (await desk.ask(None, method, path)).status_code == 401
    assert (await desk.ask(may, method, path)).status_code == 200
    if may != CUSTOMER:
        for who in (CUSTOMER, PACKER):
            assert (await desk.ask(who, method, path)).status_code == 403


async def test_who_may_not_move_money(desk: Desk) -> None:
    id, reference = await desk.awaiting()
    for path, body in (
        (f"/admin/payments/{id}/confirm", {}),
        ("/admin/payments/funds", {"funds": [credit(reference)]}),
        ("/admin/payments/refunds/settle", {"ids": [str(uuid4())], "done": True}),
    ):
        for who, status in ((None, 401), (CUSTOMER, 403), (OWNER, 403), (STAFF, 403)):
            assert (await desk.ask(who, "POST", path, json=body)).status_code == status
    assert (await desk.payments.listed(CTX, status="awaiting")).items[0].id == id


@pytest.mark.parametrize(
    "funds",
    [
        [],
        [{"id": "1"}],
        [credit("x", amount={"minor": 1.5, "currency": "USD"})],
        [credit("x", bookedAt="yesterday")],
    ],
)
async def test_bad_input_is_refused(desk: Desk, funds: list[Any]) -> None:
    answer = await desk.ask(MONEY, "POST", "/admin/payments/funds", json={"funds": funds})
    assert answer.status_code == 422
    for query in ("status=paid", "limit=0", "cursor=x"):
        assert (await desk.ask(STAFF, "GET", f"/admin/payments?{query}")).status_code == 422


async def test_signed_headers_of_every_provider_arrive(desk: Desk) -> None:
    """What no provider signs with stays outside; a forged message is refused, and kept nowhere."""
    for path in ("/payments/webhook", "/payments/webhook/test", "/payments/webhook/bank"):
        headers = {"webhook-id": "1", "stripe-signature": "t=1", "paypal-auth-algo": "x"}
        forged = await desk.ask(None, "POST", path, content=b"{}", headers=headers)
        assert forged.json()["code"] == "webhook_signature_invalid"
    assert await desk.db.fetchval("SELECT count(*) FROM payments.provider_events") == 0
