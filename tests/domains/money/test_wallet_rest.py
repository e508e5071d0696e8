"""The routes of the wallet, behind the door: who may, and what comes back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from haat.domains.money.wallet.api import Wallet
from haat.domains.money.wallet.routes import router
from tests.domains.money.wallet_parts import DatabaseOf, World, opened_world
from tests.domains.trade.rest import Client, served, token

PERSON, VENDOR = uuid4(), uuid4()
CUSTOMER = token(PERSON)
OWNER = token(uuid4(), "vendor:money", vendor_id=VENDOR)
PACKER = token(uuid4(), "vendor:orders", vendor_id=VENDOR)
STAFF = token(uuid4(), "staff", "staff:money")
OTHER_STAFF = token(uuid4(), "staff", "staff:payouts")
IBAN = "DE89 3704 0044 0532 0130 00"


@dataclass
class Desk:
    world: World
    ask: Client


@pytest.fixture
async def desk(database_of: DatabaseOf, database_url: str) -> AsyncIterator[Desk]:
    world = await opened_world(database_of, database_url)
    world.people.known.add(PERSON)
    async with served(Wallet, world.wallet, router) as client:
        yield Desk(world, client)


async def test_credits_from_top_up_to_withdrawal(desk: Desk) -> None:
    ask = desk.ask
    bought = await ask(
        CUSTOMER, "POST", "/wallet/topups", json={"creditsMinor": 2500, "method": {"token": "t"}}
    )
    assert (bought.status_code, bought.json()["status"]) == (201, "done")
    one = await ask(CUSTOMER, "GET", f"/wallet/topups/{bought.json()['id']}")
    assert one.json() == bought.json()
    assert len((await ask(CUSTOMER, "GET", "/wallet/topups")).json()["items"]) == 1
    balance = (await ask(CUSTOMER, "GET", "/wallet")).json()
    assert balance["available"] == {"minor": 2500, "currency": "XCR"}
    assert (balance["worth"], balance["frozen"]) == ({"minor": 2500, "currency": "USD"}, False)
    body = {"creditsMinor": 1000, "holder": "Ada", "account": IBAN}
    asked = await ask(CUSTOMER, "POST", "/wallet/withdrawals", json=body)
    assert (asked.status_code, asked.json()["account"]) == (201, "•" * 18 + "3000")
    low = await ask(CUSTOMER, "POST", "/wallet/withdrawals", json={**body, "creditsMinor": 1501})
    assert (low.status_code, low.json()["code"]) == (409, "credits_too_low")
    queue = (await ask(STAFF, "GET", "/admin/withdrawals?status=requested")).json()["items"]
    assert [one["id"] for one in queue] == [asked.json()["id"]]
    path = f"/admin/withdrawals/{asked.json()['id']}/decision"
    unsaid = await ask(STAFF, "POST", path, json={"decision": "reject"})
    assert unsaid.status_code == 422
    paid = await ask(STAFF, "POST", path, json={"decision": "approve"})
    assert paid.json()["status"] == "paid"
    [listed] = (await ask(CUSTOMER, "GET", "/wallet/withdrawals")).json()["items"]
    assert listed == paid.json()
    entries = (await ask(CUSTOMER, "GET", "/wallet/statement")).json()["items"]
    assert {(e["kind"], e["credits"]["minor"]) for e in entries} == {
        ("withdrawn", -1000),
        ("topup", 2500),
    }
    then = await ask(CUSTOMER, "GET", "/wallet/statement?as_of=2026-01-01T00:00:00Z")
    assert then.json()["items"] == []


async def test_the_vendors_wallet_is_for_those_who_keep_its_money(desk: Desk) -> None:
    ask, whose = desk.ask, f"?vendorId={VENDOR}"
    body = {"creditsMinor": 500, "vendorId": str(VENDOR), "method": {"token": "t"}}
    assert (await ask(OWNER, "POST", "/wallet/topups", json=body)).status_code == 201
    for path in ("/wallet", "/wallet/statement", "/wallet/topups", "/wallet/withdrawals"):
        assert (await ask(OWNER, "GET", path + whose)).status_code == 200
        for who, status in ((None, 401), (PACKER, 403), (CUSTOMER, 404)):
            assert (await ask(who, "GET", path + whose)).status_code == status
    assert (await ask(OWNER, "GET", "/wallet" + whose)).json()["available"]["minor"] == 500
    assert (await ask(OWNER, "GET", "/wallet")).json()["available"]["minor"] == 0
    out = {"creditsMinor": 500, "holder": "A", "account": IBAN, "vendorId": str(VENDOR)}
    assert (await ask(PACKER, "POST", "/wallet/withdrawals", json=out)).status_code == 403
    assert (await ask(OWNER, "POST", "/wallet/withdrawals", json=out)).status_code == 201


async def test_staff_set_rates_grant_freeze_and_watch(desk: Desk) -> None:
    ask = desk.ask
    rate = {"currency": "EUR", "micro": 900_000, "note": "Winter"}
    made = await ask(STAFF, "POST", "/admin/credit-rates", json=rate)
    assert (made.status_code, made.json()["validTo"]) == (201, None)
    past = {**rate, "validFrom": "2020-01-01T00:00:00Z"}
    refused = await ask(STAFF, "POST", "/admin/credit-rates", json=past)
    assert refused.json()["code"] == "credit_rate_past"
    assert len((await ask(None, "GET", "/credit-rates")).json()["items"]) == 2
    [euro] = (await ask(None, "GET", "/credit-rates?currency=EUR")).json()["items"]
    assert euro["micro"] == 900_000
    give = {"creditsMinor": 50, "reason": "Sorry"}
    path = f"/admin/wallets/{PERSON}"
    assert (await ask(STAFF, "POST", f"{path}/grant", json=give)).status_code == 201
    stop = {"frozen": True, "reason": "Odd"}
    assert (await ask(STAFF, "PUT", f"{path}/frozen", json=stop)).status_code == 204
    [frozen] = (await ask(STAFF, "GET", "/admin/wallets/frozen")).json()["items"]
    assert (frozen["ownerId"], frozen["reason"]) == (str(PERSON), "Odd")
    flow = (await ask(STAFF, "GET", "/admin/wallets/flow?days=7")).json()
    assert (len(flow["days"]), flow["circulating"]["minor"]) == (7, 50)
    for who, status in ((None, 401), (CUSTOMER, 403), (OTHER_STAFF, 403), (OWNER, 403)):
        for method, where, body in (
            ("GET", "/admin/withdrawals", None),
            ("GET", "/admin/wallets/flow", None),
            ("GET", "/admin/wallets/frozen", None),
            ("POST", "/admin/credit-rates", rate),
            ("POST", f"{path}/grant", give),
            ("PUT", f"{path}/frozen", stop),
            ("POST", f"/admin/withdrawals/{uuid4()}/decision", {"decision": "approve"}),
        ):
            assert (await ask(who, method, where, json=body)).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"creditsMinor": 99},
        {"creditsMinor": 10_000_001},
        {"creditsMinor": "1000"},
        {"creditsMinor": 100.5},
        {"credits": 100},
        {"creditsMinor": 100, "method": {"provider": "No Such"}},
        {"creditsMinor": 100, "method": {"provider": "cash"}},
        {"creditsMinor": 100, "method": {"provider": "nobody"}},
        [],
    ],
)
async def test_bad_top_ups_are_refused(desk: Desk, body: object) -> None:
    assert (await desk.ask(CUSTOMER, "POST", "/wallet/topups", json=body)).status_code == 422


@pytest.mark.parametrize("change", [{"account": "DE88370400440532013000"}, {"holder": ""}])
async def test_bad_withdrawals_are_refused(desk: Desk, change: dict[str, str]) -> None:
    body = {"creditsMinor": 100, "holder": "Ada", "account": IBAN, **change}
    refused = await desk.ask(CUSTOMER, "POST", "/wallet/withdrawals", json=body)
    assert refused.status_code == 422
