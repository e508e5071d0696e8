"""The test card network as a process, and a shop's webhook endpoint for it to call."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

QUICK = "--lost-answer-s 8 --webhook-late-s 0.5 --pending-s 0.4 --first-retry-s 0.1".split()
QUICK += ["--dispute-s", "0.3"]
SUCCESS, DECLINED = "4242424242424242", "4000000000009995"
THREE_DS, THREE_DS_REFUSED = "4000002500003155", "4000008400001629"
DROPPED, NEVER = "4000000000005019", "4000000000005027"
FIVE_TIMES, WEBHOOK_FIRST = "4000000000005043", "4000000000005050"
CAPTURE_FAILS, REFUND_WAITS = "4000000000005068", "4000000000005076"
THREE_DS_ALWAYS, DISPUTED = "4000002760003184", "4000000000000259"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Cards:
    """Where the network is and where its key lies."""

    url: str
    secret_file: Path

    async def token(self, number: str) -> str:
        body = {"number": number, "expMonth": 12, "expYear": 2099, "cvc": "123"}
        async with httpx.AsyncClient() as http:
            return str((await http.post(f"{self.url}/tokens", json=body)).json()["token"])

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secret_file.read_text().strip()}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers) as http:
            return await http.request(method, path, json=body)

    async def balance(self) -> int:
        items = (await self.ask("GET", "/balance")).json()["items"]
        return sum(int(item["balanceMinor"]) for item in items)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Cards]:
    """The network on a free port until the end of the block."""
    port, data = free_port(), folder / "cards.db"
    module = "haat.domains.money.payments.providers.testcard"
    command = [sys.executable, "-m", module, "--port", str(port), "--data", str(data), *QUICK]
    command += options
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield Cards(f"http://127.0.0.1:{port}", data.with_name(data.name + ".key"))
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@dataclass
class Endpoint:
    """What arrived at /hook. `hear` handles it; an exception is answered 500."""

    port: int
    hear: Callable[[dict[str, str], bytes], Awaitable[None]]
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if ": " in line)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            self.heard.append((headers, body))
            await self.hear(headers, body)
            answer = "204 No Content"
        except Exception:  # noqa: BLE001  (whatever it is, the sender is told and tries again)
            answer = "500 Internal Server Error"
        writer.write(f"HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(
    port: int, hear: Callable[[dict[str, str], bytes], Awaitable[None]]
) -> AsyncIterator[Endpoint]:
    """An endpoint until the end of the block."""
    endpoint = Endpoint(port, hear)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", endpoint.port)
    async with server:
        yield endpoint


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 40) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  (it happens in another process)
            await asyncio.sleep(0.05)
