"""The routes of reconciliation: a run, a file, decisions, and differences as CSV; who may."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from haat.domains.money.reconciliation.api import Reconciliation
from haat.domains.money.reconciliation.routes import FILE_MAX, router
from tests.conftest import DatabaseOf
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import FragileLedger
from tests.domains.money.reconciling import NOVEMBER, Office, reported, statement
from tests.domains.trade.rest import Client, served, token

STAFF = token(uuid4(), "staff", "staff:money")
CLERK = token(uuid4(), "staff", "staff:orders", "staff:payouts", "vendor:money")
RUNS = "/admin/reconciliations"


@pytest.fixture
async def office(database_of: DatabaseOf, database_url: str) -> Office:
    await emptied(database_url, "reconciliation")
    db = await database_of("reconciliation")
    return Office(db, FragileLedger(await database_of("ledger")))


@pytest.fixture
async def client(office: Office) -> AsyncIterator[Client]:
    async with served(Reconciliation, office.service, router) as client:
        yield client


def asked(office: Office) -> dict[str, str]:
    until = NOVEMBER + timedelta(days=20)
    return {
        "provider": office.provider,
        "since": NOVEMBER.isoformat(),
        "until": until.isoformat(),
    }


async def test_from_run_to_booking(client: Client, office: Office) -> None:
    line = reported(minor=3300, fee=90).model_copy(update={"text": '=1+1,"x"'})
    office.payments.lines = [line]
    made = await client(STAFF, "POST", RUNS, json=asked(office))
    assert (made.status_code, made.json()["open"]) == (201, 2)
    run = f"{RUNS}/{made.json()['id']}"
    assert (await client(STAFF, "GET", run)).json() == made.json()
    listed = (await client(STAFF, "GET", RUNS, params={"provider": office.provider})).json()
    assert listed == {"items": [made.json()], "next": None}
    found = (await client(STAFF, "GET", f"{run}/differences")).json()["items"]
    assert [one["kind"] for one in found] == ["missing_here", "fee"]
    here, fee = (f"{RUNS}/differences/{one['id']}" for one in found)
    booked = await client(STAFF, "POST", f"{here}/book", json={"reason": "It is ours"})
    assert (booked.status_code, booked.json()["status"]) == (200, "booked")
    late = await client(STAFF, "POST", f"{here}/dismiss", json={"reason": "No"})
    assert (late.status_code, late.json()["code"]) == (409, "difference_over")
    done = await client(STAFF, "POST", f"{fee}/dismiss", json={"reason": "Agreed"})
    assert done.json()["status"] == "dismissed"
    left = await client(STAFF, "GET", f"{RUNS}/differences", params={"status": "open"})
    assert left.json() == {"items": [], "next": None}
    everything = await client(STAFF, "GET", f"{RUNS}/differences")
    assert len(everything.json()["items"]) == 2


async def test_differences_as_csv(client: Client, office: Office) -> None:
    """More than a page; what a spreadsheet would run is plain text."""
    office.payments.lines = [
        reported(minor=-n).model_copy(update={"text": '=1+1,"x"'}) for n in range(1, 121)
    ]
    made = (await client(STAFF, "POST", RUNS, json=asked(office))).json()
    answer = await client(STAFF, "GET", f"{RUNS}/{made['id']}/differences.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 120
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("-72.60")
    assert {row["their_text"] for row in rows} == {'\'=1+1,"x"'}
    assert rows[0]["amount"].startswith("-")
    missing = await client(STAFF, "GET", f"{RUNS}/{uuid4()}/differences.csv")
    assert missing.status_code == 404


async def test_files(client: Client, office: Office) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,").encode()
    made = await client(STAFF, "POST", f"{RUNS}/files", files={"file": ("bank.csv", text)})
    assert (made.status_code, made.json()["fileName"], made.json()["lines"]) == (201, "bank.csv", 1)
    again = await client(
        STAFF, "POST", f"{RUNS}/files", files={"file": ("b", text)}, data={"format": "csv"}
    )
    assert again.json() == made.json()
    for content, status, code in (
        (b"what is this", 422, "statement_unreadable"),
        (b"x" * (FILE_MAX + 1), 413, "too_large"),
    ):
        refused = await client(STAFF, "POST", f"{RUNS}/files", files={"file": ("a", content)})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    refused = await client(
        STAFF,
        "POST",
        f"{RUNS}/files",
        files={"file": ("a", text)},
        data={"since": "2026-11-07T00:00:00"},
    )
    assert refused.status_code == 422


@pytest.mark.parametrize("change", [{"since": "2026-11-01"}, {"provider": ""}, {"more": 1}])
async def test_bad_questions(client: Client, office: Office, change: dict[str, object]) -> None:
    answer = await client(STAFF, "POST", RUNS, json=asked(office) | change)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == list(change)


async def test_who_may(client: Client, office: Office) -> None:
    for who, status in ((None, 401), (CLERK, 403)):
        for method, path in (
            ("GET", RUNS),
            ("POST", RUNS),
            ("GET", f"{RUNS}/{uuid4()}/differences.csv"),
            ("POST", f"{RUNS}/differences/{uuid4()}/book"),
        ):
            body = asked(office) if path == RUNS else {"reason": "x"}
            given = {"json": body} if method == "POST" else {}
            assert (await client(who, method, path, **given)).status_code == status
