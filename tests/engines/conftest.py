"""Brokers that tests of engines may ask for."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from haat.engines.bus.embedded_nats import EmbeddedNats


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """The address of a NATS: HAAT_TEST_NATS_URL, or an embedded one for each test process."""
    given = os.environ.get("HAAT_TEST_NATS_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="haat-test-nats-"))
    server = EmbeddedNats(folder / "nats", durable=False)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
