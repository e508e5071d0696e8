"""The card network that a doctor brings along: test cards on a port of their own, as a child.

Real markets have no test cards. Payments find this one under the provider `drill`, by its port and
key in the data folder, while it is there; it charges synthetic customers only.
"""

import asyncio
import base64
import hmac
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from haat.app.doctor.findings import Broken
from haat.app.processes import start_child
from haat.engines.http.client import HttpClient
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

READY_S = 15.0
LOST_ANSWER_S = 8.0  # longer than a payment waits for its provider
GOOD, ASKS, NEVER_ANSWERS = "4242424242424242", "4000002500003155", "4000000000005027"
Message = tuple[dict[str, str], bytes]  # headers and body


class Cards:
    """The network, as its card holders and their bank see it, and as its webhooks sign."""

    def __init__(self, http: HttpClient, ctx: Context, url: str, key: str) -> None:
        self._http = http
        self._ctx = ctx
        self._url = url
        self._key = key

    async def token(self, number: str) -> str:
        """What a browser would hand over for this card."""
        card = {"number": number, "expMonth": 12, "expYear": 2099, "cvc": "123"}
        return str((await self._ask("POST", "/tokens", card))["token"])

    async def answer(self, payment: UUID, outcome: str) -> None:
        """What the card holder says at 3-D Secure: approve or fail."""
        await self._ask("POST", f"/3ds/{payment}", {"outcome": outcome})

    async def intent(self, payment: UUID) -> dict[str, Any]:
        return await self._ask("GET", f"/intents/{payment}")

    async def charged(self, payments: list[UUID]) -> int:
        """What was taken for these and not given back, in minor units."""
        seen = [await self.intent(payment) for payment in payments]
        return sum(int(one["capturedMinor"]) - int(one["refundedMinor"]) for one in seen)

    async def kept(self) -> int:
        """What it keeps of all charges there ever were, in minor units."""
        found = (await self._ask("GET", "/balance"))["items"]
        return sum(int(one["capturedMinor"]) - int(one["refundedMinor"]) for one in found)

    def message(self, kind: str, intent: dict[str, Any], at: datetime) -> Message:
        """A signed message about this intent, as the network would send it."""
        event = f"evt_{uuid4().hex}"
        document = {
            "id": event,
            "type": kind,
            "createdAt": at.isoformat(),
            "data": {"object": intent},
        }
        body = json.dumps(document).encode()
        return self.signed(event, body, at, self._webhook_key()), body

    def signed(self, event: str, body: bytes, at: datetime, key: bytes) -> dict[str, str]:
        """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`."""
        stamp = str(int(at.timestamp()))
        digest = hmac.digest(key, f"{event}.{stamp}.".encode() + body, sha256)
        return {
            "content-type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }

    def _webhook_key(self) -> bytes:
        return hmac.digest(self._key.encode(), b"haat webhook endpoint", sha256)

    async def healthy(self) -> bool:
        try:
            answer = await self._http.request(
                self._ctx, "GET", f"{self._url}/health", idempotent=False, timeout_s=2
            )
        except Unavailable:
            return False
        return answer.ok

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._key}"}
        answer = await self._http.request(
            self._ctx, method, self._url + path, json=body, headers=headers, idempotent=True
        )
        if not answer.ok:
            raise Broken(f"the drill's card network answers {answer.status} at {path}")
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def card_network(folder: Path, http: HttpClient, ctx: Context) -> AsyncIterator[Cards]:
    """The network while a doctor is at work. It goes on with the books of earlier ones."""
    port_file, key_file = folder / synthetic.CARDS_PORT, folder / synthetic.CARDS_KEY
    port_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = _free_port()
    command = [sys.executable, "-m", "haat.domains.money.payments.providers.testcard"]
    command += ["--port", str(port), "--data", str(port_file.with_name("cards.db"))]
    command += ["--secret-file", str(key_file), "--lost-answer-s", str(LOST_ANSWER_S)]
    command += ["--parent-death"]
    process = start_child(command, os.environ, None, output=port_file.with_name("cards.log"))
    try:
        cards = await _ready(process, key_file, http, ctx, f"http://127.0.0.1:{port}")
        port_file.write_text(f"{port}\n", "ascii")
        yield cards
    finally:
        port_file.unlink(missing_ok=True)
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _ready(
    process: subprocess.Popen[bytes], key_file: Path, http: HttpClient, ctx: Context, url: str
) -> Cards:
    async with asyncio.timeout(READY_S):
        while process.poll() is None:
            if await Cards(http, ctx, url, "").healthy():  # its key is written before it answers
                key = await asyncio.to_thread(key_file.read_text, "ascii")
                return Cards(http, ctx, url, key.strip())
            await asyncio.sleep(0.05)
    raise Broken(f"the drill's card network ended at once; {key_file.with_name('cards.log')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
