"""Erasure where groups are processes with databases of their own, all killed in the middle."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest

from haat.app.erasing import read_list
from haat.domains.trust.privacy.api import Erasure, Privacy
from tests.journeys.box import Box
from tests.journeys.conftest import SHAPE
from tests.journeys.fleet import Fleet, apart, fleet
from tests.journeys.past import (
    HOST,
    HOST_SECRET,
    customer_with_a_past,
    everything_in,
    files_below,
    leaks,
)
from tests.journeys.scene import open_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(SHAPE), reason="it starts processes of its own"),
]
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("erasing")
    key = folder / "host.key"
    key.write_text(HOST_SECRET)
    settings = {
        "HAAT_ERASURE_DAYS": "0",
        "HAAT_WEBHOOKS_ALLOW_PRIVATE": "127.0.0.0/8",
        "HAAT_WEBHOOKS_ALLOW_HTTP": "1",
        "HAAT_HOST_KEY_FILE": str(key),
        **HOST,
    }
    with fleet(folder / "split", "--bus=postgres", **settings) as found:
        yield found


async def until(box: Box, person_id: UUID, *, parts: int = 0, ended: bool = False) -> Erasure:
    """The erasure, once that much of it is done."""
    privacy: Privacy = box.runtime.inner[Privacy]
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = await privacy.erasure_of(
                box.runtime.system_context("test"), person_id=person_id
            )
            assert found is not None
            if found.state == "erased" or (found.parts >= parts and not ended):
                return found
            await asyncio.sleep(0.02)


def kill_groups(running: Fleet) -> int:
    """kill -9 of every process that has modules or the site; engines stay. How many."""
    first = psutil.Process(running.process.pid).children()
    parts = [one for one in first if not any("engines" in word for word in one.cmdline())]
    for part in parts:
        for one in (part, *part.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.kill()
    return len(parts)


async def test_nothing_is_left_anywhere_though_all_were_killed(running: Fleet) -> None:
    async with apart(running) as box:
        shop = await open_shop(box, f"Apart {uuid4().hex[:6]}", price=1_000, stock=99)
        data = Path(running.shared["HAAT_DATA"])
        person = await customer_with_a_past(box, shop, data / "sms")
        id = UUID(person.person["id"])
        urls = {name: url for name, url in running.shared.items() if "SQL_URL" in name}
        for name in ("HAAT_SQL_URL", "HAAT_SQL_URL_MONEY", "HAAT_SQL_URL_TRADE"):
            assert leaks(await everything_in(urls[name])), name
        await person.ok("POST", "/me/erasure")
        found = await until(box, id, parts=3)
        assert found.state == "erasing", "it was over before anybody could be killed"
        assert kill_groups(running) >= len(urls) - 2
        found = await until(box, id, ended=True)
        assert found.state == "erased"
        for name, url in urls.items():
            assert leaks(await everything_in(url)) == [], name
        assert leaks(files_below(data / "mail") | files_below(data / "sms")) == []
        assert leaks(texts_of(running.folder)) == []
        for _ in range(600):
            if id in read_list(data / "erased.txt"):
                break
            await asyncio.sleep(0.1)
        assert id in read_list(data / "erased.txt")


def texts_of(folder: Path) -> dict[str, str]:
    """What the processes said, and every file of theirs but those of the engines."""
    out = ("postgres", "valkey", "nats")
    return {
        name: text
        for name, text in files_below(folder).items()
        if not any(part in out for part in Path(name).relative_to(folder).parts)
    }
