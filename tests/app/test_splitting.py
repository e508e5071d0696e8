"""`haat split`: what it writes, that it writes the same again, and that any runner can start it."""

import json
import shlex
import signal
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from haat.app.engine_room import EngineRoom
from haat.app.envfiles import read_settings
from haat.app.fleet import Fleet
from haat.app.installation import CannotStart
from haat.app.rolling import roll
from haat.app.settings import AppSettings
from haat.app.splitting import BusKind, By, named, split
from haat.app.targets import GROUPS
from tests.journeys.fleet import surroundings, write_split

OPEN_WITHIN_S = 240.0


def procfile(folder: Path) -> dict[str, list[str]]:
    lines = (folder / "Procfile").read_text().splitlines()
    return {name: shlex.split(line) for name, _, line in (one.partition(":") for one in lines)}


def parts(folder: Path) -> Mapping[str, dict[str, str]]:
    return {path.stem: read_settings(path) for path in folder.glob("*.env")}


def write(
    folder: Path,
    *,
    by: By = "group",
    bus: BusKind = "postgres",
    replicas: int = 1,
    tls: bool = False,
    **given: Any,
) -> dict[str, str]:
    """Splits a market of its own; what all processes share."""
    own = {"data": folder / "none", "test_cards": True, "demo": False}
    settings = AppSettings(**{**own, **given})
    split(settings, folder, by=by, bus=bus, replicas=replicas, tls=tls)
    return read_settings(folder / "haat.env")


def test_each_group_has_its_own_port_and_database(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    shared = write(folder)
    written = parts(folder)
    assert written.keys() == {"haat", *GROUPS}
    urls = [one["HAAT_SQL_URL"] for one in written.values()]
    assert len({urlsplit(url).path for url in urls}) == len(urls)
    assert len({one["HAAT_PORT"] for one in written.values()}) == len(written)
    for group in GROUPS:
        address = urlsplit(shared[f"HAAT_RPC_URL_{group.upper()}"])
        assert str(address.port) == written[group]["HAAT_PORT"]
    assert list(procfile(folder)) == ["engines", *GROUPS, "web"]
    for path in folder.glob("*.env"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, "there are passwords in it"


def test_written_again_everything_stays_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    write(folder, bus="nats")
    before = parts(folder)
    write(folder, bus="nats", replicas=2)
    assert parts(folder) == before
    assert [name for name in procfile(folder) if name.startswith("money")] == ["money", "money_2"]


def test_by_module_each_module_is_a_process(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    write(folder, by="module")
    names = [name for group in GROUPS.values() for name in group]
    assert list(procfile(folder)) == ["engines", *names, "web"]


def test_addresses_of_the_operator_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    shared = write(
        folder,
        sql_url="postgresql://haat:secret@db.example.com/admin?sslmode=require",
        bus_url="nats://nats.example.com",
        cache_url="redis://cache.example.com",
    )
    assert shared["HAAT_SQL_URL_MONEY"] == (
        "postgresql://haat:secret@db.example.com/haat_money?sslmode=require"
    )
    assert shared["HAAT_BUS_URL"] == "nats://nats.example.com"
    assert shared["HAAT_BUS_SQL_URL"].endswith("/haat_bus?sslmode=require")
    assert procfile(folder)["engines"][-2:] == ["engines", "cards"]


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda folder: named("storey", "nats"), "by group or by module"),
        (lambda folder: named("group", "pigeon"), "no bus 'pigeon'"),
        (Fleet, r"haat\.env cannot be read"),
        (lambda folder: roll(AppSettings(data=folder)), "no market is open"),
        (lambda folder: EngineRoom(AppSettings(data=folder), ["steam"]), "no engine 'steam'"),
        (lambda folder: write(folder, data=folder), "is a market's data folder"),
    ],
    ids=["by", "bus", "up", "restart", "engines", "data folder"],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, work: Callable[[Path], object], said: str
) -> None:
    with pytest.raises(CannotStart, match=said):
        work(tmp_path)


@contextmanager
def run_plainly(folder: Path, *names: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """As any Procfile runner does: these lines at once, through a shell. It may have been started
    in a folder with Python of its own."""
    given = surroundings()
    stranger = folder.parent / "stranger"
    stranger.mkdir()
    for name in ("__init__.py", "haat.py", "json.py"):
        (stranger / name).write_text("raise AssertionError('a stranger was imported')")
    del given["PYTHONPATH"]  # the lines say for themselves where they find us
    running = {}
    try:
        for name in names:
            words = procfile(folder)[name]
            with (folder / f"{name}.out").open("wb") as output:
                running[name] = subprocess.Popen(
                    ["sh", "-c", f"exec {shlex.join(words)}"],
                    env=given,
                    cwd=stranger,
                    stdout=output,
                    stderr=output,
                )
        yield running
    finally:
        engines = running.pop("engines", None)
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for process in running.values():
            process.wait(60)
        if engines is not None:
            engines.send_signal(signal.SIGTERM)
            engines.wait(60)


@pytest.mark.slow
def test_a_plain_runner_can_start_it(tmp_path: Path) -> None:
    """The site answers with what the process of the group `people` says: that nobody has opened the
    market yet."""
    folder = tmp_path / "split"
    shared = write_split(folder)
    url = f"http://127.0.0.1:{shared['HAAT_PORT']}/api/v1/market"
    with run_plainly(folder, "engines", "people", "web") as running:
        until = time.monotonic() + OPEN_WITHIN_S
        found = ""
        while found != "market_not_opened":
            said = {name: (folder / f"{name}.out").read_text() for name in running}
            assert all(process.poll() is None for process in running.values()), said
            assert time.monotonic() < until, (found, said)
            time.sleep(0.2)
            try:
                urllib.request.urlopen(url, timeout=20)
            except urllib.error.HTTPError as answer:
                found = json.load(answer)["code"]
            except OSError as error:
                found = str(error)
    assert all(process.returncode in (0, -signal.SIGTERM) for process in running.values())
