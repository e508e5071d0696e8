"""Which requests are counted as what, and which of them need a key."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from starlette.datastructures import State
from starlette.types import Scope

from haat.app.targets import all_modules
from haat.engines.http import AccessClaims, Tokens
from haat.gateways.rest.paces import PACES, holder_of, kind_of, paces
from haat.kernel.clock import SystemClock

# Routes that move money, or lead to that, and need no key: what they change has a name already.
NAMED = {
    "/payments/webhook": "the provider's message has an id",
    "/payments/webhook/{provider}": "the provider's message has an id",
    "/payments/intent": "the quote's id names the payment",
    "/payments/onboarding": "the vendor has one account at a provider",
    "/vendors/{id}/bank": "replaces what is there",
    "/admin/payments/refunds/settle": "names the refunds, which are settled once",
    "/admin/payments/{id}/confirm": "names the payment",
    "/admin/payouts/{id}/approve": "names the payout",
    "/admin/payouts/{id}/reject": "names the payout",
    "/admin/bank-files/settle": "names the payouts, which are settled once",
    "/admin/withdrawals/{id}/decision": "names the withdrawal",
    "/admin/withdrawals/settle": "names the withdrawals, which are settled once",
    "/admin/credit-rates": "a rate from a moment on",
}
MONEY = (
    *("/payments", "/wallet", "/admin/payments", "/admin/payouts", "/admin/wallets"),
    *("/admin/bank-files", "/admin/withdrawals", "/admin/credit-rates", "/orders/one-click"),
)


def posts() -> list[APIRoute]:
    routers = [module.router for module in all_modules() if module.router is not None]
    routes = [route for router in routers for route in router.routes]
    return [r for r in routes if isinstance(r, APIRoute) and "POST" in (r.methods or ())]


def moves_money(path: str) -> bool:
    return path.startswith(MONEY) or path.endswith(("/payout-request", "/bank", "/charges"))


def test_where_money_moves_a_key_is_wanted() -> None:
    found = {r.path: bool((r.openapi_extra or {}).get("x-idempotency-key")) for r in posts()}
    bare = [p for p, keyed in found.items() if moves_money(p) and not keyed and p not in NAMED]
    assert not bare, "declare it KEYED, or say here what names it"
    assert not [path for path in NAMED if found.get(path, True)], "said of none"
    assert sum(found.values()) >= 11


def scope(method: str, path: str, *headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)}


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/api/v1/auth/login", "sign-in"),
        ("POST", "/v1/auth/forgot-password", "sign-in"),
        ("POST", "/api/v1/auth/refresh", "write"),
        ("POST", "/sign-in", "sign-in"),
        ("GET", "/sign-in", "read"),
        ("POST", "/account/prove", "sign-in"),
        ("POST", "/api/v1/payments/refund", "money"),
        ("POST", "/api/v1/payments/webhook/stripe", "webhook"),
        ("POST", "/api/v1/admin/payouts/run", "money"),
        ("POST", "/api/v1/vendors/1/payout-request", "money"),
        ("GET", "/api/v1/payments/balance", "read"),
        ("GET", "/api/v1/search", "search"),
        ("GET", "/api/v1/search/suggest", "search"),
        ("POST", "/api/v1/marketplace/search", "search"),
        ("GET", "/search", "search"),
        ("PATCH", "/api/v1/media/tus/1", "upload"),
        ("POST", "/api/v1/orders", "write"),
        ("POST", "/cart", "write"),
        ("GET", "/", "read"),
        ("POST", "/graphql", "graphql"),
        ("GET", "/static/haat.css", None),
        ("GET", "/media/1/160.webp", None),
        ("GET", "/health/ready", None),
        ("POST", "/rpc/ledger/post", None),
    ],
)
def test_kinds(method: str, path: str, kind: str | None) -> None:
    assert kind_of(scope(method, path)) == kind
    assert kind is None or kind in {pace.name for pace in PACES}


def test_who_asks() -> None:
    tokens = Tokens(b"x" * 32, clock=SystemClock())
    person = uuid4()
    token = tokens.issue(AccessClaims(person, uuid4()), timedelta(minutes=5)).encode()
    who = holder_of(State({"tokens": tokens}))
    bearer = scope("GET", "/", (b"authorization", b"Bearer " + token))
    cookie = scope("GET", "/", (b"cookie", b"a=b; haat_access=" + token + b"; c=d"))
    assert who(bearer) == who(cookie) == person.hex
    key = scope("GET", "/", (b"authorization", b"Bearer haat_0123456789abcdef"))
    assert who(key) not in (None, person.hex)
    assert who(key) == who(key)
    assert "0123456789abcdef" not in str(who(key))
    for worthless in (b"Bearer x.y.z", b"Basic " + token, b"Bearer \xff", b""):
        assert who(scope("GET", "/", (b"authorization", worthless))) is None
    assert who(scope("GET", "/", (b"cookie", b"haat_access=; haat_access=x"))) is None
    assert who(scope("GET", "/")) is None


def test_numbers_of_the_operator() -> None:
    assert paces("off") == ()
    changed = {pace.name: pace for pace in paces("write=5, search=7/9")}
    assert (changed["write"].account, changed["write"].address) == (5, 50)
    assert (changed["search"].account, changed["search"].address) == (7, 9)
    assert changed["sign-in"] == next(pace for pace in PACES if pace.name == "sign-in")
    for wrong in ("write", "write=x", "other=5", "write=1/2/3", "write=-1"):
        with pytest.raises(ValueError, match="write off, or name=number"):
            paces(wrong)
