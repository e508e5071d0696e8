"""The journeys again, with the groups as processes: on the PostgreSQL bus and on NATS.

Each shape is a run of its own, because its processes are started once for all journeys; they run at
the same time. Those here are what a market lives on; `bin/journeys --shape NAME` runs all of them.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.conftest import APART, SHAPE

HERE = Path(__file__).parent
# The books change what everybody pays, so they come last.
JOURNEYS = ["test_purchase", "test_faults", "test_refunds", "test_ways_to_pay", "test_books"]
WITHIN_S = 1200
LEAVES_WITHIN_S = 90


@dataclass(frozen=True)
class Run:
    """One shape's journeys, under way."""

    process: subprocess.Popen[bytes]
    output: Path

    def end(self) -> None:
        """As Ctrl-C does: it stops the processes it started."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(LEAVES_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start(shape: str, folder: Path) -> Run:
    files = [str(HERE / f"{name}.py") for name in JOURNEYS]
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(folder / "run")]
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", *options, *files],
            env={**kept, "HAAT_TEST_SHAPE": shape},
            cwd=HERE.parents[1],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return Run(process, output)


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Run]]:
    """Of every shape that was asked for."""
    here = [item for item in request.session.items if item.path == request.path]
    asked = {item.callspec.params["shape"] for item in here if isinstance(item, pytest.Function)}
    with ExitStack() as stack:
        found = {}
        for shape in [shape for shape in APART if shape in asked]:
            found[shape] = start(shape, tmp_path_factory.mktemp(shape))
            stack.callback(found[shape].end)
        yield found


@pytest.mark.slow
@pytest.mark.skipif(bool(SHAPE), reason="a shape is being tested already")
@pytest.mark.parametrize("shape", APART)
def test_journeys(shape: str, runs: Mapping[str, Run]) -> None:
    run = runs[shape]
    try:
        status = run.process.wait(WITHIN_S)
    except subprocess.TimeoutExpired:
        status = -1
    assert status == 0, run.output.read_text()[-20_000:]
