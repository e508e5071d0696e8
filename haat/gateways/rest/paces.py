"""Which requests are counted as what, and for whom (haat.engines.http.pacing)."""

from collections.abc import Callable

from starlette.datastructures import State
from starlette.types import Scope

from haat.domains.people.identity.api import KEY_BEGINS
from haat.engines.http import Tokens
from haat.engines.http.issuers import issuer_said
from haat.engines.http.pacing import Pace, account_key
from haat.gateways.rest.keys import HostTokens
from haat.kernel.errors import Problem

# A minute's worth. Far more than a person at a browser or a vendor's own system makes; an address
# may be a mobile network's with thousands behind it.
PACES: tuple[Pace, ...] = (
    Pace("sign-in", 30, 120, exact=True),
    Pace("money", 120, 1_200),
    Pace("write", 600, 6_000),
    Pace("search", 600, 6_000),
    Pace("read", 3_000, 30_000),
    Pace("upload", 1_200, 6_000),
    Pace("webhook", 0, 12_000),
    Pace("graphql", 600, 6_000),
)
_COOKIE = b"haat_access"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_API = ("/api/v1/", "/v1/")
_FREE = frozenset({"static", "media", "health", "metrics", "rpc", ".well-known"})
_SEARCHES = frozenset({"search", "marketplace"})
_MONEY = frozenset({"payments", "wallet", "payouts"})
_STAFFS_MONEY = frozenset({"payouts", "withdrawals", "wallets", "bank-files", "payments"})
_DOORS = frozenset(
    {
        "sign-in",
        "register",
        "forgot-password",
        "reset-password",
        "verify-email",
        "second-step",
        "welcome",
    }
)
_BEARER = b"bearer "
_KEY = KEY_BEGINS.encode()


def kind_of(scope: Scope) -> str | None:
    """The pace a request falls under; None for what is not counted."""
    path: str = scope["path"]
    reads = scope.get("method", "POST") in _READS
    for prefix in _API:
        if path.startswith(prefix):
            return _of_api(path[len(prefix) :], reads)
    first, _, rest = path[1:].partition("/")
    if first == "graphql":
        return "graphql"
    if first in _FREE:
        return None
    if reads:
        return "search" if first == "search" else "read"
    if first in _DOORS or rest.partition("/")[0] == "prove":
        return "sign-in"
    if first in ("pay", "payments", "checkout") or rest.startswith("wallet"):
        return "money"
    return "write"


def _of_api(path: str, reads: bool) -> str:
    first, _, rest = path.partition("/")
    if first in _SEARCHES or path.startswith("buyer/search"):
        return "search"
    if reads:
        return "read"
    if first == "auth":
        return "write" if rest in ("refresh", "logout") else "sign-in"
    if first in _MONEY:
        return "webhook" if rest.startswith("webhook") else "money"
    if first == "media":
        return "upload"
    if first == "admin" and rest.partition("/")[0] in _STAFFS_MONEY:
        return "money"
    last = rest.rpartition("/")[2]
    return "money" if last in ("payout-request", "bank", "one-click") else "write"


def holder_of(state: State) -> Callable[[Scope], str | None]:
    """Says whose request it is: a person's, by the access token in its header or cookie, or an API
    key's, or a host system's token's. None for a guest, and for a token that is worth nothing."""
    host = HostTokens().host_issuer

    def who(scope: Scope) -> str | None:
        cookie = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[: len(_BEARER)].lower() != _BEARER:
                    return None
                secret = value[len(_BEARER) :].strip()
                if secret.startswith(_KEY):
                    return account_key(secret)
                # What is made up is counted by its address as well, as a made-up key is.
                if host and issuer_said(secret.decode("latin-1")) == host:
                    return account_key(secret)
                return _person(state, secret)
            if name == b"cookie":
                cookie = value
        return _person(state, _token_in(cookie)) if _COOKIE in cookie else None

    return who


def _person(state: State, token: bytes) -> str | None:
    tokens: Tokens = state.tokens
    try:
        return tokens.read(token.decode("latin-1")).person_id.hex
    except Problem:
        return None


def _token_in(cookie: bytes) -> bytes:
    for pair in cookie.split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == _COOKIE:
            return value
    return b""


def paces(text: str) -> tuple[Pace, ...]:
    """'write=100,search=50/500' changes the paces of an account (and of an address) from the ones
    above; 'off' counts nothing. ValueError for what it does not know."""
    if text.strip().lower() == "off":
        return ()
    found = {pace.name: pace for pace in PACES}
    for word in (w.strip() for w in text.split(",") if w.strip()):
        name, _, said = word.partition("=")
        numbers = said.split("/")
        if name not in found or len(numbers) > 2 or not all(n.isdecimal() for n in numbers):
            raise ValueError(f"write off, or name=number of {', '.join(found)}")
        account = int(numbers[0])
        address = int(numbers[1]) if len(numbers) == 2 else 10 * account
        found[name] = Pace(name, account, address, exact=found[name].exact)
    return tuple(found.values())
