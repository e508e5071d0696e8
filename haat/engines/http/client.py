"""Calls to the outside: always with a deadline, tried again only where that is harmless."""

import asyncio
import json as jsonlib
import random
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from haat.engines.http.egress import Egress
from haat.engines.http.plain import KEPT_MAX, OPEN_MAX, PlainTransport
from haat.engines.telemetry.tracing import span, trace_headers
from haat.kernel.context import Context, open_transaction
from haat.kernel.errors import Problem, Timeout, Unavailable

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
BUSY = frozenset({429, 502, 503, 504})
ANSWER_MAX_BYTES = 16 << 20
_WAIT_MAX_S = 2.0
_LIMITS = httpx.Limits(max_connections=OPEN_MAX, max_keepalive_connections=KEPT_MAX)
# What can be sent as it stands: no user, fragment or letter that has to be encoded.
_PLAIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[!$-~]*)?"
)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class Unreached(Unavailable, code="upstream_unreached"):
    """The other side could not be reached; nothing was sent."""


class AnswerLost(Unavailable, code="upstream_answer_lost"):
    """The request was sent, but no whole answer came: it may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Names in `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body decoded. Raises AnswerLost when it is not JSON."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            raise AnswerLost("The answer is not JSON.") from None

    def problem(self) -> Problem | None:
        """The problem it carries, as its own class; None when it carries none."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/problem+json":
            return None
        try:
            document = jsonlib.loads(self.body)
            document.setdefault("status", self.status)
            return Problem.from_document(document)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


Call = Callable[[], Awaitable[Answer]]


class HttpClient:
    """An HTTP client for a process: pooled connections, closed with `aclose`.

    `timeout_s` bounds a whole call with its retries; `ctx.deadline` does where it is earlier.
    `egress` says which hosts may be called at all; with `tls` only https is spoken, by that
    context. `proxies` lets HTTP_PROXY and its like count
    (they never do for calls between services).
    """

    def __init__(
        self,
        *,
        timeout_s: float = 10,
        connect_s: float = 2,
        retries: int = 2,
        egress: Egress | None = None,
        tls: ssl.SSLContext | None = None,
        proxies: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._retries = retries
        self._egress = egress or Egress()
        self._plain: PlainTransport | None = None
        if transport is None and not proxies:
            other = httpx.AsyncHTTPTransport(limits=_LIMITS, trust_env=False)
            transport = self._plain = PlainTransport(other, tls)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=connect_s),
            limits=_LIMITS,
            follow_redirects=False,
            trust_env=proxies,
            transport=transport,
        )

    async def request(
        self,
        ctx: Context,
        method: str,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        timeout_s: float | None = None,
        busy: frozenset[int] = BUSY,
    ) -> Answer:
        """One call. Answers of any status return; Timeout, Unreached, AnswerLost and
        EgressRefused are raised.

        `idempotent` says that doing it twice is harmless; by default the method decides, and an
        `Idempotency-Key` header makes any call so. Only such calls are tried again, except that
        one which was never sent always is. Answers whose status is in `busy` are tried again too.
        """
        assert open_transaction.get() is None, "a call to the outside inside a transaction"
        self._egress.check(urlsplit(url).hostname)
        sent = {"x-request-id": ctx.request_id, "x-correlation-id": ctx.correlation_id}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            content = jsonlib.dumps(json, default=str, separators=(",", ":")).encode()
            sent.setdefault("content-type", "application/json")
        if idempotent is None:
            idempotent = method in IDEMPOTENT or "idempotency-key" in sent
        left_s = timeout_s if timeout_s is not None else self._timeout_s
        if ctx.deadline is not None:
            left_s = min(left_s, (ctx.deadline - ctx.now()).total_seconds())
        if left_s <= 0:
            raise Timeout
        limit = asyncio.timeout(left_s)
        try:
            async with limit:
                with span(f"{method} {urlsplit(url).hostname}"):
                    sent |= trace_headers()
                    return await self._tries(
                        self._call(method, url, content, params, sent), idempotent, busy
                    )
        except TimeoutError:
            if not limit.expired():
                raise
            raise Timeout("The other side took too long.") from None

    def _call(
        self,
        method: str,
        url: str,
        content: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> Call:
        """One try of it. Within an installation httpx's objects cost more than the call itself."""
        plain = self._plain
        fits = plain is not None and params is None and url.startswith(f"{plain.scheme}:")
        if plain is not None and fits and _PLAIN.fullmatch(url):
            return partial(self._directly, plain, method, url, headers, content or b"")
        request = self._client.build_request(
            method, url, content=content, params=params, headers=headers
        )
        return partial(self._once, request)

    async def _tries(self, call: Call, idempotent: bool, busy: frozenset[int]) -> Answer:
        for left in range(self._retries, -1, -1):
            wait_s = random.uniform(0.05, 0.1) * 2 ** (self._retries - left)
            try:
                answer = await call()
            except Unreached:
                if not left:
                    raise
            except AnswerLost:
                if not left or not idempotent:
                    raise
            else:
                if not left or not idempotent or answer.status not in busy:
                    return answer
                wait_s = max(wait_s, _retry_after(answer))
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    async def _directly(
        self,
        plain: PlainTransport,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
    ) -> Answer:
        try:
            found = await plain.exchange(
                method,
                urlsplit(url),
                headers,
                content,
                connect_s=self._connect_s,
                most_bytes=ANSWER_MAX_BYTES,
            )
        except _NOT_SENT as error:
            raise Unreached from error
        except httpx.HTTPError as error:
            raise AnswerLost from error
        return Answer(*found)

    async def _once(self, request: httpx.Request) -> Answer:
        try:
            response = await self._client.send(request, stream=True)
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_MAX_BYTES:
                        raise AnswerLost("The answer is too large.")
            finally:
                await response.aclose()
        except _NOT_SENT as error:
            raise Unreached from error
        except httpx.HTTPError as error:
            raise AnswerLost from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(body))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _retry_after(answer: Answer) -> float:
    given = answer.headers.get("retry-after", "")
    return min(float(given[:6]), _WAIT_MAX_S) if given.isdecimal() and given.isascii() else 0.0
