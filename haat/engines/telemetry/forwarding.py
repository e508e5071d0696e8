"""Log lines on their way to a collector outside: syslog (RFC 5424) over TLS (RFC 5425).

Each line is the JSON object that stands in the log as well, hidden parts hidden. A thread sends
them; nobody waits for it. While the collector does not answer lines are kept, up to a number; what
is beyond that is counted, and the count is sent. The log of this machine has them all.
"""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEPT_MAX = 10_000
CONNECT_S = 5.0
AGAIN_S = 2.0
LINE_MAX_BYTES = 32 << 10
_PORT = 6514
_LOCAL0 = 16 << 3
_SEVERITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def parsed(url: str) -> tuple[str, int, str | None]:
    """Host, port and a file of authorities of `syslog+tls://HOST:PORT?ca=FILE`; ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "syslog+tls" or not parts.hostname:
        raise ValueError("logs are forwarded to syslog+tls://HOST:PORT, and nowhere in the clear")
    return parts.hostname, parts.port or _PORT, parse_qs(parts.query).get("ca", [None])[0]


class Forwarding:
    """A processor of log lines that hands them on. `close` sends what is left for a moment."""

    def __init__(self, url: str) -> None:
        self._host, self._port, ca = parsed(url)
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._here = socket.gethostname()[:255] or "-"
        self._lines: deque[bytes] = deque()
        self._lost = 0
        self._some = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log forwarding", daemon=True)
        self._thread.start()

    def __call__(
        self, logger: Any, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        self._add(self._framed(event))
        return event

    def _add(self, line: bytes) -> None:
        with self._some:
            if len(self._lines) >= KEPT_MAX:
                self._lost += 1
                return
            self._lines.append(line)
            self._some.notify()

    def _framed(self, event: MutableMapping[str, Any]) -> bytes:
        """As RFC 5424 has a message, with its length before it. What is too long is cut."""
        at = str(event.get("at", "-"))
        priority = _LOCAL0 | _SEVERITY.get(str(event.get("level")), 6)
        text = json.dumps(dict(event), default=str, ensure_ascii=False)
        told = f"<{priority}>1 {at} {self._here} haat - - - \ufeff{text}".encode("utf-8", "replace")
        told = told[:LINE_MAX_BYTES]
        return f"{len(told)} ".encode() + told

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self._connected() as line:
                    self._send(line)
            except OSError:  # of which ssl's are; never logged: it would come here again
                self._over.wait(AGAIN_S)

    def _connected(self) -> ssl.SSLSocket:
        plain = socket.create_connection((self._host, self._port), timeout=CONNECT_S)
        try:
            return self._tls.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise

    def _send(self, line: ssl.SSLSocket) -> None:
        while True:
            with self._some:
                while not self._lines:
                    if self._over.is_set():
                        return
                    self._some.wait(0.5)
                first, lost, self._lost = self._lines[0], self._lost, 0
            if lost:
                said = {"event": "log_lines_lost", "level": "warning", "count": lost}
                line.sendall(self._framed(said))
            line.sendall(first)
            with self._some:  # only now: what was not sent is sent by the next connection
                self._lines.popleft()

    def close(self, within_s: float = 2.0) -> None:
        self._over.set()
        with self._some:
            self._some.notify_all()
        with suppress(RuntimeError):
            self._thread.join(within_s)
