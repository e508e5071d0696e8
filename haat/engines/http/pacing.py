"""How many requests of one kind somebody may make in a minute, as plain ASGI.

Counted for an account (a person, or an API key) and for an address (of IPv6 its /64, which is one
customer's), each in windows of its own. A process counts for itself and shares with the others, by
the cache, what comes near a limit: an ordinary request costs a few microseconds and asks nobody.
Kinds that are `exact` are counted in the cache at each request. When the cache is away every
process goes on by itself.

Answers follow draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy: "write";q=600;w=60` and
`RateLimit: "write";r=599;t=42`; a refusal is 429 with Retry-After.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from zlib import crc32

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.cache import Cache
from haat.engines.http.problems import problem_response
from haat.kernel.errors import Limited, Problem

WINDOW_S = 60
SHARED_EVERY_S = 1.0
SHARED_AFTER = 32  # a process shares what it counted once that is a 32nd of the limit
KEYS_MAX = 100_000
KNOWN_MAX = 8_192
AT_ONCE = 64  # counts on their way to the cache
_PASSED_ON = (b"x-forwarded-for", b"forwarded")

log = structlog.get_logger("haat.http")
Network = IPv4Network | IPv6Network
Refusal = Callable[[Scope, Problem], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests of a kind in a minute: of one account, and of one address. 0: as many as it likes.
    A guest has the address alone."""

    name: str
    account: int
    address: int
    exact: bool = False


@dataclass(slots=True)
class _Count:
    """What is known of one key in its window: what all processes had together when they were last
    asked, and what this one has not told since; both count."""

    window: int
    known: int = 0
    untold: int = 0


class Pacing:
    """`kind_of` names the pace a request falls under, or None. Addresses in `exempt` that come to
    us directly are not counted. Without paces nothing is."""

    def __init__(
        self,
        paces: Iterable[Pace] = (),
        kind_of: Callable[[Scope], str | None] = lambda scope: None,
        *,
        exempt: Iterable[Network] = (),
    ) -> None:
        self._paces: Mapping[str, Pace] = {pace.name: pace for pace in paces}
        self._told = {pace.name: _policy(pace) for pace in self._paces.values()}
        self._kind_of = kind_of
        self._who: Callable[[Scope], str | None]
        self._refusal: Refusal
        self._exempt = Places(exempt)
        self._app: ASGIApp
        self._cache: Cache | None = None
        self._now: Callable[[], float]
        self._counts: dict[str, _Count] = {}
        self._untold: set[str] = set()
        self._sharing: asyncio.Task[None] | None = None

    def around(
        self, app: ASGIApp, who: Callable[[Scope], str | None], refusal: Refusal | None = None
    ) -> ASGIApp:
        """The application with this before it, or as it is where nothing is counted. `who` says
        which account makes a request, where one does; `refusal` answers who is told to wait, by a
        problem document when it is None."""
        self._app, self._who = app, who
        self._refusal = refusal or _document
        return self if self._paces else app

    def use(self, cache: Cache, now: Callable[[], float]) -> None:
        """Where counts are shared, and seconds since the epoch; nothing is counted before."""
        self._cache, self._now = cache, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = self._kind_of(scope) if scope["type"] == "http" else None
        pace = None if kind is None else self._paces.get(kind)
        if pace is None or self._cache is None or self._is_exempt(scope):
            await self._app(scope, receive, send)
            return
        name, limit, made, ends_s = await self._made(scope, pace)
        if made > limit:
            await self._refuse(scope, receive, send, pace, name, ends_s)
            return
        left = b'"%b";r=%d;t=%d' % (name.encode(), limit - made, ends_s)
        told = ((b"ratelimit-policy", self._told[pace.name]), (b"ratelimit", left))

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        await self._app(scope, receive, telling)

    async def admits(self, scope: Scope) -> bool:
        """Counts what is asked over a connection that stays, as one more request."""
        kind = self._kind_of(scope)
        pace = None if kind is None else self._paces.get(kind)
        if pace is None or self._cache is None or self._is_exempt(scope):
            return True
        _, limit, made, _ = await self._made(scope, pace)
        return made <= limit

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, pace: Pace, name: str, ends_s: int
    ) -> None:
        passed_on = any(header in _PASSED_ON for header, _ in scope["headers"])
        # Who stands behind a proxy that is believed has no port (haat.engines.http.proxies).
        peer = (scope.get("client") or ("", 0))[1]
        hint = "is HAAT_TRUSTED_PROXIES right?" if passed_on and peer else ""
        log.info("rate_limited", policy=name, hint=hint)
        problem = Limited(
            f"Too many requests; go on in {ends_s} seconds.",
            retryAfterS=ends_s,
            violatedPolicies=[name],
        )
        answer = await self._refusal(scope, problem)
        answer.headers["retry-after"] = str(ends_s)
        answer.headers["ratelimit-policy"] = self._told[pace.name].decode()
        answer.headers["ratelimit"] = f'"{name}";r=0;t={ends_s}'
        await answer(scope, receive, send)

    def _is_exempt(self, scope: Scope) -> bool:
        client = scope.get("client")
        if not self._exempt or client is None:
            return False
        if client[0] not in self._exempt:
            return False
        return not any(header in _PASSED_ON for header, _ in scope["headers"])

    async def _made(self, scope: Scope, pace: Pace) -> tuple[str, int, int, int]:
        """The policy that is nearest to its limit: its name, limit, how many were made with this
        one, and in how many seconds its window ends."""
        now = int(self._now())
        account = self._who(scope) if pace.account else None
        own = None
        if account is not None:
            made, ends_s = await self._count(f"{pace.name}:{account}", pace.account, pace, now)
            own = (pace.name, pace.account, made, ends_s)
        if not pace.address:
            return own or (pace.name, 1, 0, WINDOW_S)
        client = scope.get("client")
        place = _place(client[0]) if client else ""
        made, ends_s = await self._count(f"{pace.name}@{place}", pace.address, pace, now)
        if own is not None and own[2] * pace.address >= made * own[1]:
            return own
        return f"{pace.name}-address", pace.address, made, ends_s

    async def _count(self, key: str, limit: int, pace: Pace, now: int) -> tuple[int, int]:
        """Counts one more: how many there are, and when the window ends. Windows of different keys
        end at different moments, so that not everybody comes back in the same one."""
        shifted = now + crc32(key.encode()) % WINDOW_S
        window, passed = divmod(shifted, WINDOW_S)
        count = self._counts.get(key)
        if count is None or count.window != window:
            if len(self._counts) >= KEYS_MAX:
                self._forget(now)
            count = self._counts[key] = _Count(window)
        count.untold += 1
        if pace.exact:
            await self._share(key)
        elif count.untold * SHARED_AFTER >= limit:
            self._untold.add(key)
            if self._sharing is None:
                self._sharing = asyncio.create_task(self._share_all())
        return count.known + count.untold, WINDOW_S - passed

    def _forget(self, now: int) -> None:
        """Makes room: windows that are over, else all; whoever floods us with addresses is still
        counted by what others know."""
        over = [key for key, one in self._counts.items() if one.window < now // WINDOW_S]
        for key in over or list(self._counts):
            del self._counts[key]

    async def _share_all(self) -> None:
        await asyncio.sleep(SHARED_EVERY_S)
        self._sharing = None
        keys, self._untold = list(self._untold), set()
        for at in range(0, len(keys), AT_ONCE):
            await asyncio.gather(*(self._share(key) for key in keys[at : at + AT_ONCE]))

    async def _share(self, key: str) -> None:
        count = self._counts.get(key)
        if count is None or self._cache is None:
            return
        told, window = count.untold, count.window
        count.known, count.untold = count.known + told, 0  # at once: others count on meanwhile
        name = f"pace:{key}:{window}"
        known = await self._cache.count(name, window_s=2 * WINDOW_S, by=told)
        if known is not None and count.window == window:
            count.known = max(count.known, known)


async def _document(scope: Scope, problem: Problem) -> Response:
    request_id = (scope.get("state") or {}).get("request_id", "")
    return problem_response(problem, request_id=request_id)


def networks(text: str) -> tuple[Network, ...]:
    """'10.0.0.0/8, ::1' → networks. ValueError, which does not repeat what is wrong."""
    found = []
    for number, word in enumerate((w.strip() for w in text.split(",") if w.strip()), 1):
        try:
            found.append(ip_network(word, strict=False))
        except ValueError:
            raise ValueError(f"number {number} is no address or network") from None
    return tuple(found)


def account_key(secret: bytes) -> str:
    """A short name for who holds a secret, which does not tell it."""
    return blake2b(secret, digest_size=12).hexdigest()


class Places:
    """Networks, asked for addresses: `"10.1.2.3" in places`. Answers are remembered, as the same
    few peers come again and again."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, host: str) -> bool:
        found = self._known.get(host)
        if found is None:
            if len(self._known) > KNOWN_MAX:
                self._known.clear()
            found = self._known[host] = self._holds(host)
        return found

    def _holds(self, host: str) -> bool:
        try:
            address: Any = ip_address(host)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address.version == one.version and address in one for one in self._networks)


@lru_cache(KNOWN_MAX)
def _place(host: str) -> str:
    """The address, of IPv6 its first 64 bits: whoever has one of them has them all."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return host


def _policy(pace: Pace) -> bytes:
    parts = []
    if pace.account:
        parts.append(f'"{pace.name}";q={pace.account};w={WINDOW_S}')
    if pace.address:
        parts.append(f'"{pace.name}-address";q={pace.address};w={WINDOW_S}')
    return ", ".join(parts).encode()
