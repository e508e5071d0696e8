"""`haat doctor` as a command beside a market that runs as processes: it kills the worker."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.app.market import RunningMarket, ended


@pytest.mark.slow
def test_it_kills_the_worker_and_tells_as_json(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with ended(RunningMarket(tmp_path / "data")) as market:
        market.start()
        market.until(market.opened, 120, "it says that it is open")
        asyncio.run(_opened(market))
        file = tmp_path / "report.json"
        words = ("doctor", "--only", "killed_worker", "--kill", "--json", str(file))
        done = market.command(*words, within_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "12 orders under way, kill -9 of process" in done.stdout
        assert "\x1b" not in done.stdout
        assert json.loads(file.read_text())["verdict"] == "green"


async def _opened(market: RunningMarket) -> None:
    async with market.runtime():
        pass
