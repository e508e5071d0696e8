"""localstripe, a Stripe server somebody else wrote, as a process that ends with the tests."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.domains.money.cards import free_port

# It would keep its objects in a file of a fixed name, for all processes of this machine. Its
# standard input ends with whoever started it, also when that was killed.
_RUN = """
import os, sys, threading
from aiohttp import web
import localstripe.resources
from localstripe.server import app
localstripe.resources.store.dump_to_disk = lambda: None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""
KEY = "sk_test_localstripe"
# What it refuses as unexpected, by path: all of it is in Stripe's API (see test_stripe_forms.py).
_UNKNOWN = (
    "allowed_payment_method_types",
    "return_url",
    "transfer_group",
    "setup_future_usage",
    "description",
    "created",
)


@contextmanager
def localstripe() -> Iterator[str]:
    """Its address, until the end of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", _RUN, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            _wait(url, process)
            yield url
        finally:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, "localstripe has ended"
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("localstripe does not start")


class Spoken(httpx.AsyncBaseTransport):
    """Says to localstripe only what it knows, and adds to a captured intent what it forgets to
    say: `amount_received`. Nothing else of a request or an answer is touched. `left_out` is what
    was not said."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)
        self.left_out: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(query=self._known(request.url.query))
        content = self._known(await request.aread())
        headers = {**request.headers, "content-length": str(len(content))}
        asked = httpx.Request(request.method, url, headers=headers, content=content)
        response = await self._inner.handle_async_request(asked)
        body = await response.aread()
        doc = json.loads(body)
        if doc.get("object") == "payment_intent" and doc["status"] == "succeeded":
            body = json.dumps(_received(doc)).encode()
        await response.aclose()
        return httpx.Response(response.status_code, content=body)

    def _known(self, form: bytes) -> bytes:
        pairs = parse_qsl(form.decode())
        out = [(k, v) for k, v in pairs if k.split("[")[0] in _UNKNOWN]
        self.left_out |= {k for k, _ in out}
        return urlencode([pair for pair in pairs if pair not in out]).encode()

    async def aclose(self) -> None:
        await self._inner.aclose()


def _received(doc: Mapping[str, object]) -> dict[str, object]:
    return {**doc, "amount_received": doc["amount"]}
