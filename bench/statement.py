"""How soon a vendor's long statement begins to arrive: over HTTP, from a running market."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx

from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.domains.money.ledger.api import Account, Code, Transfer
from haat.domains.money.ledger.service import LedgerService
from haat.engines.sql import Database, open_pool
from haat.kernel.context import SYSTEM, Context

LINES = 10_000
TRIES = 5


async def measure(address: str, sql_url: str) -> None:
    """Books LINES corrections for a demo vendor and its mirror image afterwards, and streams the
    statement between the two."""
    email = next(one.email for one in SIGN_INS if one.role == "vendor")
    async with httpx.AsyncClient(base_url=f"{address}/api/v1", timeout=60) as http:
        signed = await http.post("/auth/login", json={"email": email, "password": DEMO_PASSWORD})
        http.headers["authorization"] = f"Bearer {signed.json()['accessToken']}"
        vendor = UUID((await http.get("/auth/me")).json()["memberships"][0]["vendorId"])
        await _book(sql_url, vendor)
        since, until = datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
        period = {"since": since.isoformat(), "until": until.isoformat()}
        firsts, wholes, lines = [], [], 0
        for _ in range(TRIES):
            begun, first, lines = time.perf_counter(), 0.0, 0
            async with http.stream(
                "GET", f"/vendors/{vendor}/statement.csv", params=period
            ) as answer:
                assert answer.status_code == 200, await answer.aread()
                async for chunk in answer.aiter_bytes():
                    first = first or time.perf_counter() - begun
                    lines += chunk.count(b"\n")
            firsts.append(first)
            wholes.append(time.perf_counter() - begun)
    print(
        f"statement of {lines:,} lines over HTTP: first byte {min(firsts):.3f}–{max(firsts):.3f} s,"
        f" all {min(wholes):.2f}–{max(wholes):.2f} s ({TRIES} times)"
    )


async def _book(sql_url: str, vendor: UUID) -> None:
    pool = await open_pool(sql_url, size=2)
    ledger, ctx = LedgerService(Database(pool, "ledger")), Context(actor=SYSTEM)
    payable = Account(kind="payable", owner=vendor, currency="USD")
    suspense = Account(kind="suspense", currency="USD")
    for n in range(0, LINES, 500):
        debit, credit = (suspense, payable) if n % 1000 else (payable, suspense)
        made = [
            Transfer(
                id=uuid4(),
                debit=debit,
                credit=credit,
                minor=1,
                code=Code.CORRECTION,
                reference=uuid4(),
            )
            for _ in range(500)
        ]
        await ledger.post(ctx, transfers=made)
    await pool.close()
