"""A provider of identities for tests: its keys, its document, and the lies it is told to tell."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from haat.domains.people.identity.api import Answered, Person, SignedIn
from haat.domains.people.identity.providers.settings import ProviderOptions
from haat.domains.people.identity.service import IdentityService
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel.clock import Clock, SettableClock
from tests.domains.people.doubles import guest, identity_of, system

ISSUER = "https://id.example"
CLIENT = "market"
PASSWORD = "correct horse"
ADA = "ada@example.com"
SECRET = "a client's secret"


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class FakeProvider:
    """Answers as a provider would. `lies` change an ID token's claims (None: left out), `sign`
    makes the token itself; `fails` is the status of every answer while it is set."""

    at: Clock
    issuer: str = ISSUER
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ada-1",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Byron",
        }
    )
    lies: dict[str, Any] = field(default_factory=dict)
    document_lies: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    access_token: Any = "opaque"
    sign: Callable[[dict[str, Any]], str] | None = None
    fails: int = 0
    calls: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # what was asked for, by code

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.published: list[Any] = [self.key]

    @property
    def http(self) -> HttpClient:
        return HttpClient(transport=httpx.MockTransport(self.answer), retries=0)

    def options(self, **more: Any) -> ProviderOptions:
        given = {"issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET, **more}
        return ProviderOptions.model_validate(given)

    def visited(self, url: str, **more: str) -> Answered:
        """Somebody signs in there: what their browser comes back with."""
        asked = query_of(url)
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return Answered(**{"code": code, "state": asked["state"], **more})

    def signed(self, claims: Mapping[str, Any], key: Any = None, **header: Any) -> str:
        key = key or self.key
        head = {"alg": "RS256", "kid": key.kid, **header}
        return jwt.encode(head, dict(claims), key, algorithms=[head["alg"]])

    def claims(self, asked: Mapping[str, str]) -> dict[str, Any]:
        now = int(self.at.now().timestamp())
        found = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
            **self.person,
            **self.lies,
        }
        return {name: value for name, value in found.items() if value is not None}

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(path)
        self.headers.append(request.headers)
        if self.fails:
            return httpx.Response(self.fails)
        if path.endswith("/openid-configuration"):
            return httpx.Response(200, json=self._document())
        if path == "/keys":
            keys = [one.as_dict(private=False) for one in self.published]
            return httpx.Response(200, json={"keys": keys})
        if path == "/token":
            return self._tokens(request)
        if path == "/me" and self.userinfo is not None:
            return httpx.Response(200, json=self.userinfo)
        return httpx.Response(404)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
            **self.document_lies,
        }

    def _tokens(self, request: httpx.Request) -> httpx.Response:
        form = {name: one[0] for name, one in parse_qs(request.content.decode()).items()}
        self.forms.append(form)
        asked = self.asked.pop(form.get("code", ""), None)  # a code works once
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        claims = self.claims(asked)
        made = self.sign(claims) if self.sign else self.signed(claims)
        token = self.access_token
        return httpx.Response(
            200, json={"id_token": made, "access_token": token, "token_type": "Bearer"}
        )


def unsigned(claims: Mapping[str, Any]) -> str:
    """A token with `alg: none`."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    text = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    return b".".join([*text, b""]).decode()


def with_public_key(provider: FakeProvider, claims: Mapping[str, Any]) -> str:
    """HMAC with the public key as its secret: the old trick."""
    pem = provider.key.as_pem(private=False)
    key = OctKey.import_key(pem.decode().replace("-----BEGIN", "").encode())
    return jwt.encode({"alg": "HS256", "kid": "one"}, dict(claims), key, algorithms=["HS256"])


def with_own_key(claims: Mapping[str, Any]) -> str:
    """Signed by somebody else's key of the same name."""
    key = RSAKey.generate_key(2048, {"kid": "one"})
    return jwt.encode({"alg": "RS256", "kid": "one"}, dict(claims), key, algorithms=["RS256"])


def with_key_inside(claims: Mapping[str, Any]) -> str:
    """The key that it is to be checked with stands in the token itself."""
    key = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, dict(claims), key, algorithms=["ES256"])


def market_with(
    db: Database, at: SettableClock, there: FakeProvider, **more: Any
) -> IdentityService:
    options = {"acme": there.options(**more.pop("provider", {}))}
    return identity_of(db, at, http=there.http, sign_in=options, **more)


async def signs_in(
    identity: IdentityService, at: SettableClock, there: FakeProvider, **more: Any
) -> SignedIn:
    asked = await identity.ask_elsewhere(guest(at), provider="acme")
    answered = there.visited(asked.url)
    return await identity.sign_in_elsewhere(
        guest(at), provider="acme", kept=asked.kept, answered=answered, **more
    )


async def registered(identity: IdentityService, at: SettableClock, email: str = ADA) -> Person:
    return await identity.register(
        system(at), id=uuid4(), email=email, password=PASSWORD, name="Ada"
    )
