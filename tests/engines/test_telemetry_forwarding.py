"""Log lines at a collector: whole, in order, masked, by TLS alone; and nobody waits for them."""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from haat.app.authority import certify
from haat.app.settings import AppSettings
from haat.engines.telemetry import forwarding, set_up_logs
from haat.engines.telemetry.forwarding import Forwarding, parsed

WITHIN_S = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certify(tmp_path / "tls", "collector", ["127.0.0.1"], datetime.now(UTC))
    return tmp_path / "tls"


class Collector:
    """Takes messages as RFC 5425 frames them, from one connection after the other."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "collector.pem", folder / "collector.key")
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.heard: list[str] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
                with self._tls.wrap_socket(plain, server_side=True) as line:
                    self._hear(line)
            except OSError:
                if self._socket.fileno() < 0:
                    return

    def _hear(self, line: ssl.SSLSocket) -> None:
        with line.makefile("rb") as file:
            while True:
                length = b""
                while not length.endswith(b" "):
                    one = file.read(1)
                    if not one:
                        return
                    length += one
                self.heard.append(file.read(int(length)).decode())

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.split("\ufeff", 1)[1]) for one in self.heard]

    def close(self) -> None:
        self._socket.close()


def until(right: Callable[[], object]) -> None:
    end = time.monotonic() + WITHIN_S
    while not right():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def test_lines_reach_a_collector(folder: Path, tmp_path: Path, restored: None) -> None:
    collector = Collector(folder)
    url = f"syslog+tls://127.0.0.1:{collector.port}?ca={folder / 'ca.pem'}"
    log = tmp_path / "log"
    set_up_logs("info", file=log, forward=url, secrets=["planted-secret"])
    for n in range(50):
        structlog.get_logger().warning("happened", n=n, email="ada@example.com")
    logging.getLogger("x").error("from outside: planted-secret\nand more")
    until(lambda: len(collector.heard) == 51)
    first = collector.heard[0]
    assert first.startswith("<132>1 2"), "local0, warning, version 1, its time"
    events = collector.events()
    assert [one["n"] for one in events[:50]] == list(range(50))
    said = json.dumps(events)
    assert "ada@" not in said
    assert "planted-secret" not in said
    assert len(log.read_text().splitlines()) == 51, "this machine has them as well"
    collector.close()


def test_what_waits_is_sent_when_the_collector_is_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "KEPT_MAX", 10)
    monkeypatch.setattr(forwarding, "AGAIN_S", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    one = Forwarding(f"syslog+tls://127.0.0.1:{port}?ca={folder / 'ca.pem'}")
    for n in range(25):  # nobody waits, whether it can be kept or not
        one(None, "", {"event": "happened", "n": n})
    collector = Collector(folder, port)
    until(lambda: len(collector.heard) == 11)
    events = collector.events()
    assert events[0] == {"event": "log_lines_lost", "level": "warning", "count": 15}
    assert [event["n"] for event in events[1:]] == list(range(10))
    one.close()
    collector.close()


def test_a_stranger_is_told_nothing(folder: Path, tmp_path: Path) -> None:
    certify(tmp_path / "other", "collector", ["127.0.0.1"], datetime.now(UTC))
    collector = Collector(tmp_path / "other")
    one = Forwarding(f"syslog+tls://127.0.0.1:{collector.port}?ca={folder / 'ca.pem'}")
    one(None, "", {"event": "happened"})
    one.close()
    assert collector.heard == []
    collector.close()


@pytest.mark.parametrize("url", ["syslog://h", "syslog+tcp://h:1", "https://h", "syslog+tls://"])
def test_nothing_goes_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="nowhere in the clear"):
        AppSettings(log_forward=url)
    assert parsed("syslog+tls://logs.example") == ("logs.example", 6514, None)
