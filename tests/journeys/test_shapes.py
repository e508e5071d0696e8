"""The journeys again, with the groups as processes: on the PostgreSQL bus and on NATS.

Each shape is a run of its own, because its processes are started once for all journeys. Those here
are what a market lives on; `bin/journeys --shape NAME` runs all of them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import APART, SHAPE

HERE = Path(__file__).parent
# The books change what everybody pays, so they come last.
JOURNEYS = ["test_purchase", "test_faults", "test_refunds", "test_ways_to_pay", "test_books"]


@pytest.mark.slow
@pytest.mark.skipif(bool(SHAPE), reason="a shape is being tested already")
@pytest.mark.parametrize("shape", APART)
def test_journeys(shape: str, tmp_path: Path) -> None:
    files = [str(HERE / f"{name}.py") for name in JOURNEYS]
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(tmp_path / "run")]
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *files],
        env={**kept, "HAAT_TEST_SHAPE": shape},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
