"""A backup of a market at work, put back into an empty folder; and backups that cannot be used."""

import asyncio
import io
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
from PIL import Image

from haat.domains.people.media.api import Media
from haat.kernel.context import Actor, Context
from tests.app.market import RunningMarket, ended
from tests.app.test_running import boxed
from tests.journeys.box import ADDRESS
from tests.journeys.scene import open_shop

BUYERS = 8
STOCK = 5_000


@dataclass(frozen=True)
class Made:
    """What was bought, and the backup that was made meanwhile."""

    market: RunningMarket
    folder: Path
    before: set[str]  # order numbers a customer had been told when the backup began
    picture: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("backup")
    with ended(RunningMarket(home / "data")) as market:
        market.start()
        before, picture = asyncio.run(_back_up_under_load(market, home / "copy"))
        yield Made(market, home / "copy", before, picture)


async def _back_up_under_load(market: RunningMarket, folder: Path) -> tuple[set[str], bytes]:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "PNG")
    picture = drawn.getvalue()
    async with boxed(market) as box:
        shop = await open_shop(box, "Kept Things", price=1_000, stock=STOCK)
        ctx = Context(actor=Actor("person", uuid4()))
        await box.runtime.inner[Media].upload(ctx, id=uuid4(), content=picture)
        token = await box.token("4242424242424242")
        confirmed: list[str] = []
        work = (_buy(market, shop.offer, token, confirmed) for _ in range(BUYERS))
        buyers = [asyncio.create_task(one) for one in work]
        while True:
            await asyncio.sleep(0.05)
            if len(confirmed) >= 3 * BUYERS:
                break
        before = set(confirmed)
        done = await asyncio.to_thread(market.command, "backup", str(folder))
        for task in buyers:
            task.cancel()
        await asyncio.gather(*buyers, return_exceptions=True)
        assert done.returncode == 0, done.stderr
        assert len(confirmed) > len(before), "nothing was bought meanwhile"
        await box.settle()
    return before, picture


async def _buy(market: RunningMarket, offer: str, token: str, confirmed: list[str]) -> None:
    body = {
        "items": [{"offerId": offer, "quantity": 1}],
        "email": "buyer@example.com",
        "shipTo": ADDRESS,
        "payment": {"provider": "test", "token": token},
    }
    async with httpx.AsyncClient(timeout=120) as http:
        while True:
            answer = await http.post(f"{market.address}/api/v1/orders", json=body)
            assert answer.status_code == 201, answer.text
            confirmed.append(answer.json()["orderNumber"])


def test_a_backup_under_load_comes_back_whole(made: Made, tmp_path: Path) -> None:
    with ended(RunningMarket(tmp_path / "data")) as market:
        done = market.command("restore", str(made.folder))
        assert done.returncode == 0, done.stdout + done.stderr
        # It was copied amid purchases: what events were to do next may still be open.
        assert "adds up" in done.stdout
        market.start()
        with psycopg.connect(market.sql()) as connection:
            rows = connection.execute("SELECT number FROM orders.orders").fetchall()
        assert made.before <= {row[0] for row in rows}
        assert len(rows) <= STOCK
        assert asyncio.run(_buy_and_settle(market)) == 201
        assert market.command("prove").stdout.startswith("everything adds up\n")
        pictures = [p.read_bytes() for p in (market.folder / "blobs").rglob("*") if p.is_file()]
        assert made.picture in pictures
        assert market.stop() == 0


async def _buy_and_settle(market: RunningMarket) -> int:
    """With an account of the first market: its keys and passwords came along."""
    async with boxed(market) as box:
        owner = box.guest()
        await owner.sign_in("owner@kept-things.example.com")
        [stock] = (await owner.ok("GET", "/inventory"))["items"]
        offer = stock["offerId"]
        body = {
            "items": [{"offerId": offer, "quantity": 1}],
            "email": "late@example.com",
            "shipTo": ADDRESS,
            "payment": {"provider": "test", "token": await box.token("4242424242424242")},
        }
        answer = await box.guest().post("/orders", body)
        await box.settle()
        return answer.status_code


def test_a_second_backup_needs_a_folder_of_its_own(made: Made) -> None:
    done = made.market.command("backup", str(made.folder))
    assert (done.returncode, "is not empty" in done.stderr) == (1, True), done.stderr


def test_nothing_is_restored_over_a_market(made: Made) -> None:
    done = made.market.command("restore", str(made.folder))
    assert (done.returncode, "there is a market in" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("what", ["changed", "missing", "unfinished", "newer"])
def test_a_backup_that_cannot_be_used_is_refused(made: Made, tmp_path: Path, what: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.folder, copy)
    victim = copy / "files" / "secret.key"
    note = copy / "backup.json"
    if what == "changed":
        victim.write_bytes(victim.read_bytes()[::-1])
    elif what == "missing":
        victim.unlink()
    elif what == "unfinished":
        note.unlink()
    else:
        note.write_text(json.dumps({**json.loads(note.read_text()), "format": 99}))
    market = RunningMarket(tmp_path / "data")
    done = market.command("restore", str(copy))
    words = {
        "changed": "files/secret.key is damaged",
        "missing": "files/secret.key is missing",
        "unfinished": "not a finished backup",
        "newer": "newer Haat",
    }
    assert (done.returncode, words[what] in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_on_a_postgresql_of_the_operator(tmp_path: Path, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        names = [f"haat_backup_{os.getpid()}_{n}" for n in range(2)]
        for name in names:
            admin.execute(f"CREATE DATABASE {name}".encode())
        urls = [urlsplit(postgres_url)._replace(path=f"/{name}").geturl() for name in names]
        try:
            first = RunningMarket(tmp_path / "first", HAAT_SQL_URL=urls[0])
            assert first.command("migrate").returncode == 0
            with psycopg.connect(urls[0]) as connection:
                connection.execute("CREATE TABLE market.kept AS SELECT 7 AS n")
            done = first.command("backup", str(tmp_path / "copy"))
            assert done.returncode == 0, done.stderr
            second = RunningMarket(tmp_path / "second", HAAT_SQL_URL=urls[1])
            done = second.command("restore", str(tmp_path / "copy"))
            assert done.returncode == 0, done.stderr
            with psycopg.connect(urls[1]) as connection:
                assert connection.execute("SELECT n FROM market.kept").fetchone() == (7,)
            third = RunningMarket(tmp_path / "third")
            refused = third.command("restore", str(tmp_path / "copy"))
            assert (refused.returncode, "set HAAT_SQL_URL" in refused.stderr) == (1, True)
        finally:
            for name in names:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
