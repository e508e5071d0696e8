"""A whole market in a box: runtime, HTTP server on a free port, and the test card network.

`Box` starts it over a given database; `Client` speaks to it as an outsider would, over HTTP only.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import uvicorn
from pydantic import SecretStr

from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.app.web import application
from haat.app.wiring import Mode
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.kernel.clock import Clock

SETTLE_TRIES = 200
PASSWORD = "a-long-enough-one"
ADDRESS = {
    "name": "Ada Byron",
    "line1": "1 Analytical Row",
    "city": "London",
    "postalCode": "N1 9GU",
    "country": "GB",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def card_network(folder: Path, *extra: str) -> Iterator[tuple[str, Path]]:
    """The test card network as a process: its address and its secret file."""
    port = free_port()
    key = folder / "testcard.key"
    command = [sys.executable, "-m", "haat.domains.money.payments.providers.testcard"]
    command += ["--port", str(port), "--data", str(folder / "testcard.db")]
    command += ["--secret-file", str(key), "--parent-death", *extra]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}", key
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, for as long as it lasts: modules read their settings from there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass
class Box:
    """A running market. `runtime` is for setting the scene; what is tested goes over HTTP."""

    runtime: Runtime
    address: str
    cards: str
    http: httpx.AsyncClient
    people: dict[str, "Client"] = field(default_factory=dict)

    def guest(self) -> "Client":
        return Client(self)

    async def person(self, email: str, name: str = "Some One") -> "Client":
        """Registers (once) and signs in."""
        client = Client(self)
        body = {"email": email, "password": PASSWORD, "name": name}
        answer = await client.post("/auth/register", body)
        assert answer.status_code in (201, 409), answer.text
        await client.sign_in(email)
        return client

    async def staff(self) -> "Client":
        """The market's super admin."""
        if "staff" not in self.people:
            client = await self.person("admin@staff.example.com")
            me = (await client.get("/auth/me")).json()
            ctx = self.runtime.system_context("test")
            await self.runtime.inner[Identity].grant_staff(
                ctx, person_id=UUID(me["id"]), role="super_admin"
            )
            await client.sign_in("admin@staff.example.com")
            self.people["staff"] = client
        return self.people["staff"]

    async def token(self, number: str) -> str:
        """A card token, made where a browser would: at the card network."""
        card = {"number": number, "expMonth": 12, "expYear": 2040, "cvc": "123"}
        answer = await self.http.post(f"{self.cards}/tokens", json=card)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["token"])

    async def network(self, path: str, body: Any = None) -> Any:
        """What a bank asks of the card network (docs/test-cards.md): the answer's JSON."""
        key = (self.runtime.settings.folder / "testcard.key").read_text().strip()
        headers = {"authorization": f"Bearer {key}"}
        method = "GET" if body is None else "POST"
        answer = await self.http.request(method, self.cards + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def settle(self) -> None:
        """Also what failed once and is tried again in a moment, as it may on a busy machine."""
        for _ in range(SETTLE_TRIES):
            await self.runtime.settle()
            if all(one.waiting == one.parked for one in await self.runtime.bus.backlog()):
                return
            await asyncio.sleep(0.2)


class Client:
    """A REST client with a session of its own. `post` and friends send an Idempotency-Key."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.token: str | None = None
        self.cart_id: str | None = None
        self.person: dict[str, Any] = {}

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.token = None
        answer = await self.post("/auth/login", {"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["accessToken"]
        self.person = answer.json()["person"]

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        given = dict(headers or {})
        if self.token:
            given["authorization"] = f"Bearer {self.token}"
        if self.cart_id:
            given["x-cart-id"] = self.cart_id
        if method != "GET":
            given.setdefault("idempotency-key", key or uuid4().hex)
        url = self.box.address + (path if path.startswith("/v1/") else f"/api/v1{path}")
        return await self.box.http.request(method, url, json=body, headers=given)

    async def get(self, path: str) -> httpx.Response:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.send("POST", path, body, **more)

    async def put(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.send("PUT", path, body, **more)

    async def patch(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.send("PATCH", path, body, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        return await self.send("DELETE", path, **more)

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer's JSON; fails the test with the problem document otherwise."""
        answer = await self.send(method, path, body, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@asynccontextmanager
async def market(
    database_url: str,
    folder: Path,
    mode: Mode,
    *,
    return_window_minutes: int = 0,
    clock: Clock | None = None,
    options: Mapping[str, str] | None = None,
    name: str = "127.0.0.1",
) -> AsyncIterator[Box]:
    """A market over this database, opened, with every module under its own role. `options` are
    further settings, by their variables; `name` is what browsers call this machine."""
    # Bound from here on: a port that was only free a moment ago may be another test's by now.
    listening = socket.create_server(("127.0.0.1", 0))
    port = int(listening.getsockname()[1])
    with listening, card_network(folder) as (cards, key):
        values = {
            "HAAT_TESTCARD_URL": cards,
            "HAAT_TESTCARD_SECRET_FILE": str(key),
            "HAAT_PORT": str(port),  # where the card network's messages come
            "HAAT_PUBLIC_URL": f"http://{name}:{port}",
            "HAAT_PASSWORD_MEMORY_KIB": "64",
            "HAAT_PASSWORD_PASSES": "1",
            "HAAT_EMAIL_VERIFICATION": "off",  # the people of tests have no mailboxes
            "HAAT_STEP_UP_MINUTES": "60",
            "HAAT_BANK_COOLING_OFF_HOURS": "0",
            **(options or {}),
        }
        with environment(values):
            settings = AppSettings(
                data=folder,
                port=port,
                sql_url=SecretStr(database_url),
                cache_url=SecretStr("memory://"),
                demo=False,
            )
            async with (
                Runtime(
                    settings,
                    all_modules(),
                    clock=clock,
                    mode=mode,
                    reacts=True,
                    role_per_module=True,
                ) as runtime,
                _served(settings, runtime, listening) as address,
                httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=300)) as http,
            ):
                opened = MarketSettings(
                    name="Test Market",
                    currency="USD",
                    country="GB",
                    return_window_minutes=return_window_minutes,
                )
                ctx = runtime.system_context("test")
                await runtime.inner[Market].open(ctx, settings=opened)
                yield Box(runtime, address, cards, http)


class Quiet(uvicorn.Server):
    """Leaves the test runner's signal handlers alone. The market itself runs under granian,
    in processes of its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _served(
    settings: AppSettings, runtime: Runtime, listening: socket.socket
) -> AsyncIterator[str]:
    config = uvicorn.Config(
        application(settings, "all", runtime),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=600,  # clients end connections: what is sent as one ends would be lost
    )
    server = Quiet(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{settings.port}"
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            try:
                if (await http.get(f"{address}/health/ready")).status_code == 200:
                    break
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        else:
            raise AssertionError("the server does not start")
    yield address
    server.should_exit = True
    await serving
