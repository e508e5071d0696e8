"""`Idempotency-Key`: done once, answered the same, and nobody's ids can be told from outside."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from starlette.types import Message, Scope

from haat.engines.http import Ctx, Limits, Signer, Tokens, add_problem_handlers
from haat.gateways.rest.idempotency import Idempotency
from haat.gateways.rest.storage import KEEP, AnswerStore
from haat.kernel.clock import SystemClock
from haat.kernel.errors import Conflict
from tests.conftest import DatabaseOf

CLOCK = SystemClock()
SECRET = b"s" * 32


class Till:
    """A small application: `ids` are those its writes were born with."""

    def __init__(self, answers: AnswerStore, secret: bytes = SECRET) -> None:
        self.answers = answers
        self.ids: list[UUID] = []
        self.refuse = False
        app = FastAPI()
        add_problem_handlers(app)
        app.state.clock, app.state.answers = CLOCK, answers
        app.state.tokens = Tokens(secret, clock=CLOCK)
        app.state.signer = Signer(secret, clock=CLOCK)
        app.post("/api/v1/{path:path}")(self._write)
        self.app = Limits(Idempotency(app, app.state))
        transport = httpx.ASGITransport(self.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://haat")

    async def _write(self, path: str, request: Request, ctx: Ctx) -> dict[str, Any]:
        self.ids.append(ctx.new_id())
        if self.refuse:
            raise Conflict
        return {"id": str(self.ids[-1]), "query": request.url.query}

    async def post(self, key: str, body: Any = None, path: str = "/api/v1/orders") -> Any:
        return await self.http.post(path, json=body, headers={"Idempotency-Key": key})


@pytest_asyncio.fixture(loop_scope="session")
async def till(database_of: DatabaseOf) -> AsyncIterator[Till]:
    found = Till(AnswerStore(await database_of("rest")))
    yield found
    await found.http.aclose()


async def test_sent_twice_is_done_once(till: Till) -> None:
    key = uuid4().hex
    first, second = [await till.post(key, {"n": 1}) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len(till.ids) == 1
    other = await till.post(key, {"n": 2})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_who_asks_again_at_once_has_the_answer(till: Till) -> None:
    """It is kept before its last byte leaves: nobody hears of a request that is still under way."""
    key, path = uuid4().hex, "/api/v1/orders"
    heard: list[Any] = []
    headers = [(b"idempotency-key", key.encode()), (b"host", b"haat")]
    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    scope.update({"query_string": b"", "client": ("127.0.0.1", 1), "server": ("haat", 80)})
    scope["state"] = {}

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            heard.append(await till.post(key))

    scope.update({"scheme": "http", "http_version": "1.1"})
    await till.app(scope, receive, send)
    assert [answer.headers.get("idempotent-replayed") for answer in heard] == ["true"]


async def test_ids_repeat_with_the_request(till: Till) -> None:
    """A process died before it answered: who sends the same again names the same rows."""
    till.refuse, key = True, uuid4().hex
    for _ in range(2):
        assert (await till.post(key, {"n": 1})).status_code == 409
    assert len(set(till.ids)) == 1


async def test_another_request_never_gets_the_ids_of_one_that_failed(till: Till) -> None:
    """Guests behind one address may choose the same key, and people change what was refused."""
    till.refuse, key = True, uuid4().hex
    await till.post(key, {"n": 1})
    await till.post(key, {"n": 2})
    assert len(set(till.ids)) == 2


async def test_ids_cannot_be_told_from_outside(till: Till, database_of: DatabaseOf) -> None:
    """A guest's quote is known by its id alone: knowing key and address must not give it away."""
    await till.post("1", {"n": 1})
    seed = uuid5(NAMESPACE_URL, "idempotency:guest::127.0.0.1:POST /v1/orders:1")
    assert till.ids[0] != uuid5(seed, "1")
    other = Till(till.answers, b"t" * 32)
    await till.answers.trim(CLOCK.now() + KEEP + timedelta(seconds=1))
    await other.post("1", {"n": 1})
    assert till.ids != other.ids
    await other.http.aclose()


async def test_the_query_is_part_of_the_request(till: Till) -> None:
    key = uuid4().hex
    first = await till.post(key, path="/api/v1/things?force=0")
    second = await till.post(key, path="/api/v1/things?force=1")
    assert first.json()["query"] == "force=0"
    assert second.json().get("code") == "idempotency_key_reused"


@pytest.mark.parametrize("path", ["/api/v1/a%00b", "/api/v1/%ff%fe"])
async def test_an_address_that_no_database_keeps(till: Till, path: str) -> None:
    assert (await till.post(uuid4().hex, path=path)).status_code == 200


async def test_old_answers_are_forgotten(till: Till, database_of: DatabaseOf) -> None:
    database = await database_of("rest")
    await till.post(uuid4().hex)
    assert await database.fetchval("SELECT count(*) FROM rest.answers") > 0
    await till.answers.trim(CLOCK.now() + KEEP + timedelta(seconds=1))
    assert await database.fetchval("SELECT count(*) FROM rest.answers") == 0
