"""The test card network's disputes, saved cards and balance report, from the outside."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.domains.money import cards
from tests.domains.money.cards import Cards, running, until

FEES = ["--charge-fee-bp", "290", "--charge-fee-minor", "30", "--dispute-fee-minor", "2000"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    with running(tmp_path_factory.mktemp("cards"), *FEES) as found:
        yield found


async def answer(network: Cards, method: str, path: str, body: object = None) -> dict[str, Any]:
    return dict((await network.ask(method, path, body)).json())


async def captured(network: Cards, minor: int = 1000, number: str = cards.SUCCESS) -> str:
    id = uuid4().hex
    amount = {"minor": minor, "currency": "USD"}
    await network.ask("POST", "/intents", {"id": id, "amount": amount, "reference": "r"})
    await network.ask("POST", f"/intents/{id}/confirm", {"number": number})
    assert (await answer(network, "POST", f"/intents/{id}/capture", {}))["status"] == "captured"
    return id


async def lines(network: Cards, intent: str) -> list[tuple[str, int, int]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = await answer(network, "GET", f"/balance/transactions?cursor={cursor}")
        found, cursor = found + page["items"], page["next"]
    mine = [one for one in found if one["intentId"] == intent]
    return [(one["kind"], one["amount"]["minor"], one["fee"]["minor"]) for one in mine]


async def test_a_dispute_and_its_lines(network: Cards) -> None:
    before, id = await network.balance(), await captured(network, 1000)
    body = {"id": f"dp-{id}", "amountMinor": 400, "reason": "duplicate"}
    first = await network.ask("POST", f"/intents/{id}/disputes", body)
    assert (first.status_code, first.json()["status"]) == (201, "open")
    assert (await network.ask("POST", f"/intents/{id}/disputes", body)).json() == first.json()
    other = body | {"amountMinor": 401}
    taken = await answer(network, "POST", f"/intents/{id}/disputes", other)
    assert taken["code"] == "id_taken"
    beyond = await network.ask("POST", f"/intents/{id}/disputes", {"amountMinor": 601})
    assert beyond.json()["code"] == "dispute_too_large"
    assert await network.balance() == before + 1000 - 59 - 400 - 2000
    close = f"/disputes/{first.json()['id']}/close"
    for _ in range(2):
        assert (await answer(network, "POST", close, {"outcome": "won"}))["status"] == "won"
    assert (await answer(network, "POST", close, {"outcome": "lost"}))["code"] == "dispute_state"
    assert (await answer(network, "POST", close, {"outcome": "?"}))["field"] == "outcome"
    assert await network.balance() == before + 1000 - 59 - 2000
    assert await lines(network, id) == [
        ("capture", 1000, 59),
        ("dispute", -400, 0),
        ("fee", -2000, 0),
        ("dispute_won", 400, 0),
    ]
    assert (await answer(network, "GET", f"/disputes/dp-{id}"))["closedAt"] is not None
    for path in ("/disputes/none", "/disputes/none/close"):
        method = "POST" if path.endswith("close") else "GET"
        given = {"outcome": "won"} if method == "POST" else None
        assert (await network.ask(method, path, given)).status_code == 404


async def test_what_was_not_captured_cannot_be_disputed(network: Cards) -> None:
    id, amount = uuid4().hex, {"minor": 5, "currency": "USD"}
    await network.ask("POST", "/intents", {"id": id, "amount": amount, "reference": "r"})
    refused = await network.ask("POST", f"/intents/{id}/disputes", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "intent_state")


async def test_a_card_disputes_what_is_left(network: Cards) -> None:
    id = await captured(network, 1000, cards.DISPUTED)
    await network.ask("POST", f"/intents/{id}/refunds", {"id": f"re-{id}", "amountMinor": 300})

    async def is_disputed() -> bool:
        return ("dispute", -700, 0) in await lines(network, id)

    await until(is_disputed)


async def test_the_report_by_time(network: Cards) -> None:
    id = await captured(network)
    now = datetime.now(UTC)
    past, soon = now - timedelta(hours=1), now + timedelta(hours=1)

    async def kinds(since: datetime, end: datetime) -> set[str]:
        query = httpx.QueryParams({"since": since.isoformat(), "until": end.isoformat()})
        page = await answer(network, "GET", f"/balance/transactions?{query}")
        return {one["subject"] for one in page["items"]}

    assert id in await kinds(past, soon)
    assert id not in await kinds(past, past)
    assert await kinds(soon, soon + timedelta(hours=1)) == set()
    for query in ("since=yesterday", "until=2026-01-01T00:00:00", "cursor=x"):
        refused = await network.ask("GET", f"/balance/transactions?{query}")
        assert refused.status_code == 422
    async with httpx.AsyncClient(base_url=network.url) as http:
        assert (await http.get("/balance/transactions")).status_code == 401


async def test_a_report_of_many_lines(network: Cards) -> None:
    for n in range(105):
        body = {
            "id": f"po-{n}",
            "amount": {"minor": 1, "currency": "EUR"},
            "destination": {"holder": "Ada", "account": "000123456789"},
            "reference": "r",
        }
        await network.ask("POST", "/payouts", body)
    first = await answer(network, "GET", "/balance/transactions")
    rest = await answer(network, "GET", f"/balance/transactions?cursor={first['next']}")
    assert len(first["items"]) == 100
    both = [one["subject"] for one in (*first["items"], *rest["items"])]
    assert {f"po-{n}" for n in range(105)} <= set(both)
    assert len(both) == len(set(map(str, [one["id"] for one in (*first["items"], *rest["items"])])))


async def test_a_card_is_kept_for_its_customer_only(network: Cards) -> None:
    id, amount = uuid4().hex, {"minor": 5, "currency": "USD"}
    body = {"id": id, "amount": amount, "reference": "r", "saveFor": "cus_1"}
    assert (await answer(network, "POST", "/intents", body))["savedMethod"] is None
    token = await network.token(cards.SUCCESS)
    doc = await answer(network, "POST", f"/intents/{id}/confirm", {"token": token})
    kept = doc["savedMethod"]
    assert (kept["customer"], kept["last4"], kept["expires"]) == ("cus_1", "4242", "2099-12")
    other = uuid4().hex
    await network.ask("POST", "/intents", {"id": other, "amount": amount, "reference": "r"})
    confirm = f"/intents/{other}/confirm"
    wrong = {"savedMethod": kept["id"], "customer": "cus_2"}
    assert (await answer(network, "POST", confirm, wrong))["code"] == "unknown_method"
    right = wrong | {"customer": "cus_1"}
    assert (await answer(network, "POST", confirm, right))["status"] == "authorized"
    for _ in range(2):
        gone = await answer(network, "DELETE", f"/saved-methods/{kept['id']}")
        assert gone["deleted"] is True


async def test_a_declined_card_is_not_kept(network: Cards) -> None:
    id, amount = uuid4().hex, {"minor": 5, "currency": "USD"}
    body = {"id": id, "amount": amount, "reference": "r", "saveFor": "cus_1"}
    await network.ask("POST", "/intents", body)
    doc = await answer(network, "POST", f"/intents/{id}/confirm", {"number": cards.DECLINED})
    assert (doc["status"], doc["savedMethod"]) == ("declined", None)


_VERSION_1 = """
CREATE TABLE tokens (token TEXT PRIMARY KEY, number TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE intents (
    id TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    reference TEXT NOT NULL, created_at TEXT NOT NULL, return_url TEXT NOT NULL,
    capture_method TEXT NOT NULL, metadata TEXT NOT NULL, status TEXT NOT NULL,
    card_number TEXT NOT NULL, decline_code TEXT NOT NULL, captured_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL, refund_pending_minor INTEGER NOT NULL);
CREATE TABLE refunds (
    id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE payouts (
    id TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
    holder TEXT NOT NULL, account TEXT NOT NULL, reference TEXT NOT NULL,
    status TEXT NOT NULL, created_at TEXT NOT NULL, failure_code TEXT NOT NULL);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL, at_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE endpoints (url TEXT PRIMARY KEY, secret TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE events (id TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, subject TEXT NOT NULL, event_id TEXT NOT NULL,
    due_s REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    sending INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0);
CREATE TABLE timers (id INTEGER PRIMARY KEY, due_s REAL NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL);
INSERT INTO intents VALUES ('pi_1', 1000, 'USD', 'r', '2026-01-01T00:00:00.000Z', '', 'manual',
    '{}', 'captured', '4242424242424242', '', 1000, 300, 0);
INSERT INTO refunds VALUES ('re_1', 'pi_1', 300, 'USD', 'succeeded', '2026-01-02T00:00:00.000Z');
INSERT INTO payouts VALUES ('po_1', 200, 'USD', 'Ada', '000123456789', 'r', 'paid',
    '2026-01-03T00:00:00.000Z', '');
PRAGMA user_version = 1;
"""


async def test_a_file_of_the_version_before(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "cards.db")
    db.executescript(_VERSION_1)
    db.close()
    with running(tmp_path) as network:
        assert await network.balance() == 500
        intent = await answer(network, "GET", "/intents/pi_1")
        assert (intent["status"], intent["refundedMinor"]) == ("captured", 300)
        page = await answer(network, "GET", "/balance/transactions")
        told = [(one["subject"], one["amount"]["minor"]) for one in page["items"]]
        assert told == [("pi_1", 1000), ("re_1", -300), ("po_1", -200)]
        assert (await network.ask("POST", "/intents/pi_1/disputes", {})).status_code == 201


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "cards.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    module = "haat.domains.money.payments.providers.testcard"
    command = [sys.executable, "-m", module, "--port", str(cards.free_port())]
    ended = subprocess.run(
        [*command, "--data", str(tmp_path / "cards.db")], capture_output=True, timeout=90, text=True
    )
    assert ended.returncode == 1
    assert "version 99" in ended.stderr
