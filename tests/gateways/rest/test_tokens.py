"""Tokens that are worth nothing, at every operation that asks for a right; and what belongs to
somebody else, which answers as what is not there."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haat.engines.http.tokens import AccessClaims, Tokens
from haat.kernel.clock import SettableClock
from tests.gateways.rest.operations import NOBODYS, Operation
from tests.gateways.rest.test_rights import call, needing
from tests.gateways.town import Town
from tests.journeys.box import PASSWORD, Client

AT_ONCE = 16
HOUR = timedelta(hours=1)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(town: Town, claims: AccessClaims) -> dict[str, str]:
    """Tokens with these claims that look right but for one thing."""
    ours = town.box.runtime.tokens
    secret, clock = ours._secret, town.box.runtime.clock
    good = ours.issue(claims, HOUR)
    head, body, signature = good.split(".")
    header, payload = (_read(one) for one in (head, body))
    [public, *_] = ours.public_jwks()["keys"]
    before = SettableClock(datetime.now(UTC) - 2 * HOUR)

    def signed_with(key: bytes, **changed: Any) -> str:
        signing = f"{part({**header, 'alg': 'HS256', **changed})}.{body}"
        made = hmac.HMAC(key, hashes.SHA256())
        made.update(signing.encode())
        return f"{signing}.{part(made.finalize())}"

    stranger = Ed25519PrivateKey.generate()
    return {
        "expired": Tokens(secret, before).issue(claims, HOUR),
        "of another issuer": Tokens(secret, clock, issuer="https://other.example").issue(
            claims, HOUR
        ),
        "for another audience": Tokens(secret, clock, audience="other").issue(claims, HOUR),
        "of another market": Tokens(b"x" * 32, clock).issue(claims, HOUR),
        "alg none": f"{part({**header, 'alg': 'none'})}.{body}.",
        "alg none, signed": f"{part({**header, 'alg': 'None'})}.{body}.{signature}",
        "our public key as a secret": signed_with(public["x"].encode()),
        "the whole key as a secret": signed_with(json.dumps(public).encode()),
        "a key that comes along": ".".join(
            [
                head := part({**header, "jwk": _public(stranger)}),
                body,
                part(stranger.sign(f"{head}.{body}".encode())),
            ]
        ),
        "an ID token": f"{part({**header, 'typ': 'JWT'})}.{body}.{signature}",
        "claims changed": f"{head}.{part({**payload, 'roles': ['super_admin']})}.{signature}",
        "signature cut": good[:-8],
        "no signature": f"{head}.{body}",
    }


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def _public(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": part(key.public_key().public_bytes_raw())}


async def each(
    operations: list[Operation], ask: Callable[[Operation], Any]
) -> list[tuple[Operation, httpx.Response]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(operation: Operation) -> tuple[Operation, httpx.Response]:
        async with gate:
            return operation, await ask(operation)

    return await asyncio.gather(*map(one, operations))


async def test_no_operation_believes_a_token_that_is_none(town: Town) -> None:
    boss = await town.box.staff()
    claims = town.box.runtime.tokens.read(str(boss.token))
    good = Client(town.box)
    good.token = town.box.runtime.tokens.issue(claims, HOUR)
    assert (await good.get("/me")).status_code == 200, "what is forged is otherwise as it should be"
    ended = await town.box.person("ended@example.com")
    body = {"email": "ended@example.com", "password": PASSWORD}
    session = (await ended.post("/auth/login", body)).json()
    ended.token = session["accessToken"]
    await ended.post("/auth/logout", {"refreshToken": session["refreshToken"]})
    tokens = {**forged(town, claims), "of a session that ended": str(ended.token)}
    asked = needing("person", "vendor", "staff")
    assert len(asked) > 200
    wrong = []
    for what, token in tokens.items():
        client = Client(town.box)
        client.token = token
        for operation, answer in await each(asked, partial(call, town, client)):
            code = answer.json().get("code")
            if answer.status_code != 401 or code not in (
                "token_invalid",
                "token_expired",
                "session_ended",
            ):
                wrong.append(f"{what}: {operation}: {answer.status_code} {code}")
    assert wrong == []


# Where the two differ on purpose: a product on sale is there for all; a file is named by who
# sends its first part, so nobody's becomes theirs; taking back a price that is gone is harmless.
DIFFERS = {
    "POST /products/{id}/offers",
    "PUT /imports/{id}/parts/{number}",
    "POST /imports/{id}/preview",
    "POST /imports/{id}/start",
    "POST /imports/{id}/stop",
    "DELETE /scheduled-prices/{id}",
}


async def test_what_is_anothers_answers_as_what_is_not_there(town: Town) -> None:
    """Neither status nor words tell that somebody else has it."""
    wrong = []
    for client, rights in ((town.other, ("person",)), (town.loom.owner, ("vendor", "person"))):
        named = [
            one
            for one in needing(*rights)
            if "{" in one.path and not one.form and str(one) not in DIFFERS
        ]
        for operation in named:
            theirs = await call(town, client, operation)
            nobodys = await call(town, client, operation, {"vendor": NOBODYS})
            if _told(theirs, town.rows) != _told(nobodys, {}):
                wrong.append(f"{operation}: {theirs.text[:200]} | {nobodys.text[:200]}")
    assert wrong == []


def _told(answer: httpx.Response, rows: dict[str, str]) -> tuple[int, str]:
    body = answer.json() if answer.content else {}
    body.pop("requestId", None)
    body.pop("instance", None)
    text = json.dumps(body)
    for id in (*rows.values(), NOBODYS):
        text = text.replace(id, "…")
    return answer.status_code, text
