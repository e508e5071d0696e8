"""A market per test module and shape.

By themselves the journeys run in one process, `local` and `loopback` (every call through the wire).
HAAT_TEST_SHAPE names another shape for a whole run: `groups-postgres` or `groups-nats`, the groups
as processes, one market for all journeys. `bin/journeys` and test_shapes.py do that.
"""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests import postgres
from tests.journeys.box import Box, environment, market
from tests.journeys.fleet import Fleet, apart, fleet

TOGETHER = ("local", "loopback")
APART = {"groups-postgres": ("--bus=postgres",), "groups-nats": ("--bus=nats",)}
SHAPE = os.environ.get("HAAT_TEST_SHAPE", "")
SHAPES = (SHAPE,) if SHAPE else TOGETHER
assert set(SHAPES) <= {*TOGETHER, *APART}, f"HAAT_TEST_SHAPE: there is no shape {SHAPE!r}"


@pytest.fixture(scope="session")
def running_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The processes, started once for all journeys."""
    with fleet(tmp_path_factory.mktemp("fleet") / "split", *APART[SHAPE]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=SHAPES)
async def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    """A test module may say SETTINGS, and CLOCK, whose class gives a clock that starts now."""
    if request.param in APART:
        async with apart(request.getfixturevalue("running_fleet")) as found:
            yield found
        return
    folder: Path = tmp_path_factory.mktemp("market")
    server = request.getfixturevalue("postgres_url")
    template = postgres.name_of(request.getfixturevalue("template_url"))
    given = getattr(request.module, "SETTINGS", {})
    make_clock = getattr(request.module, "CLOCK", None)
    clock = make_clock(datetime.now(UTC)) if make_clock else None
    with postgres.database(server, template=template) as url, environment(given):
        async with market(url, folder, request.param, clock=clock) as running:
            yield running
