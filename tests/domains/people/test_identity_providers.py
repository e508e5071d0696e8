"""Providers by their own words: Keycloak's tokens, Apple's answer, Facebook's graph; settings."""

import hmac
import json
from hashlib import sha256
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from haat.domains.people.identity.api import Answered, ElsewhereAway, ElsewhereRefused
from haat.domains.people.identity.providers.claims import mapped
from haat.domains.people.identity.providers.port import Errand
from haat.domains.people.identity.providers.registry import providers_of
from haat.domains.people.identity.providers.settings import ProviderOptions, role_map
from haat.domains.people.identity.service import IdentityOptions
from haat.engines.http.client import HttpClient
from tests.domains.people.doubles import NOON, clock, guest
from tests.domains.people.providers import CLIENT, FakeProvider, query_of
from tests.journeys.box import environment

# As Keycloak's server administration guide shows an access token's claims.
KEYCLOAK: dict[str, Any] = {
    "exp": 1772366700,
    "iat": 1772366400,
    "auth_time": 1772366399,
    "jti": "onrtac:9a6ca3d1-31ee-4f3d-9c0f-8a5b4e2d3c11",
    "iss": "https://id.example",
    "aud": "account",
    "sub": "ada-1",
    "typ": "Bearer",
    "azp": CLIENT,
    "sid": "52e4a1b6-5b1f-4a2c-a8c7-6f9f0f0f3f3f",
    "acr": "1",
    "allowed-origins": ["https://market.example"],
    "realm_access": {
        "roles": ["default-roles-acme", "offline_access", "uma_authorization", "market-admin"]
    },
    "resource_access": {
        CLIENT: {"roles": ["desk"]},
        "other-app": {"roles": ["books", "market-admin"]},
        "account": {"roles": ["manage-account", "manage-account-links", "view-profile"]},
    },
    "scope": "openid profile email",
    "email_verified": True,
    "name": "Ada Byron",
    "preferred_username": "ada",
    "email": "ada@example.com",
    "groups": ["/market/money"],
    "department": "moderation",
}


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("realm:market-admin=super_admin", {"super_admin"}),
        ("client:desk=support", {"support"}),
        ("client:market-admin=super_admin", set()),  # another client's is not ours
        ("client/other-app:books=finance", {"finance"}),
        ("groups:/market/money=finance", {"finance"}),
        ("department:moderation=moderator", {"moderator"}),
        ("realm:desk=support", set()),
        ("realm:market=super_admin", set()),  # a part of a name is none
        ("realm:MARKET-ADMIN=super_admin", set()),
        ("scope:openid=support", set()),  # a text is one word, not several
        ("sub.x:1=support", set()),
        ("realm_access.roles:market-admin=support", {"support"}),
        (
            "realm:market-admin=moderator, client:desk=support ,groups:/market/money=finance",
            {"moderator", "support", "finance"},
        ),
    ],
)
def test_what_keycloak_says(text: str, roles: set[str]) -> None:
    assert mapped([KEYCLOAK], CLIENT, role_map(text)) == roles
    assert mapped([{}, KEYCLOAK], CLIENT, role_map(text)) == roles


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"realm_access": None},
        {"realm_access": []},
        {"realm_access": {"roles": {"market-admin": True}}},
        {"realm_access": {"roles": [["market-admin"], 7, None]}},
        {"realm_access.roles": ["market-admin"]},
        {"resource_access": {CLIENT: {"roles": None}, "": {"roles": ["desk"]}}},
    ],
)
def test_claims_of_another_shape_give_nothing(claims: dict[str, Any]) -> None:
    rules = role_map("realm:market-admin=super_admin,client:desk=support")
    assert mapped([claims], CLIENT, rules) == frozenset()


async def visit(there: FakeProvider, **options: Any) -> Any:
    """Who comes back from it."""
    provider = providers_of({"acme": there.options(**options)}, there.http, "https://m.example")
    errand = Errand("s" * 43, "n" * 43, "v" * 64, "https://m.example/sign-in/with/acme/back")
    ctx = guest(there.at)
    answered = there.visited(await provider["acme"].address(ctx, errand))
    return await provider["acme"].who(ctx, errand, answered)


RULES = "realm:market-admin=super_admin, client:desk=support"


@pytest.mark.parametrize(
    ("changes", "roles"),
    [
        ({}, {"super_admin", "support"}),
        ({"azp": "other-app"}, set()),  # made for somebody else
        ({"sub": "eve"}, set()),  # of somebody else
        ({"iss": "https://evil.example"}, set()),
        ({"exp": 1}, set()),
    ],
)
async def test_roles_in_keycloaks_access_token(changes: dict[str, Any], roles: set[str]) -> None:
    at = clock()
    now = int(at.now().timestamp())
    there = FakeProvider(at)
    there.userinfo = {"sub": "ada-1"}
    there.access_token = there.signed(
        {**KEYCLOAK, "exp": now + 300, "iat": now, "auth_time": now, **changes}
    )
    assert (await visit(there, roles=RULES)).roles == roles


async def test_roles_in_an_access_token_that_is_forged() -> None:
    there = FakeProvider(clock())
    mine = FakeProvider(there.at)  # another key of the same name
    now = int(NOON.timestamp())
    there.access_token = mine.signed({**KEYCLOAK, "exp": now + 300, "iat": now})
    assert (await visit(there, roles=RULES)).roles == set()


async def test_user_info_is_of_the_same_person() -> None:
    there = FakeProvider(clock())
    del there.person["email"]
    there.userinfo = {"sub": "ada-1", "email": "ada@info.example", "email_verified": True}
    found = await visit(there)
    assert (found.email, found.email_verified) == ("ada@info.example", True)
    there.userinfo = {"sub": "eve", "email": "eve@info.example", "email_verified": True}
    with pytest.raises(ElsewhereRefused):
        await visit(there)
    # The proof of one address is none of another.
    there.person |= {"email": "ada@example.com", "email_verified": None}
    there.userinfo = {"sub": "ada-1", "email_verified": True}
    assert not (await visit(there, roles=RULES)).email_verified


async def test_apple() -> None:
    key = ECKey.generate_key("P-256")
    there = FakeProvider(clock(), issuer="https://appleid.apple.com")
    there.person |= {"email_verified": "true", "name": None}
    there.document_lies = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    options = there.options(
        client_secret=key.as_pem(private=True).decode(), team_id="TEAM123456", key_id="KEY1234567"
    )
    provider = providers_of({"apple": options}, there.http, "https://m.example")["apple"]
    ctx = guest(there.at)
    back = "https://m.example/sign-in/with/apple/back"
    errand = Errand("s" * 43, "n" * 43, "v" * 64, back)
    url = await provider.address(ctx, errand)
    asked = query_of(url)
    assert (asked["response_mode"], asked["scope"]) == ("form_post", "openid email name")
    user = json.dumps({"name": {"firstName": "Ada", "lastName": "Byron"}, "email": "x@y.example"})
    found = await provider.who(ctx, errand, there.visited(url, user=user))
    assert (found.name, found.email, found.email_verified) == (
        "Ada Byron",
        "ada@example.com",  # of the token: what stands beside it is signed by nobody
        True,
    )
    form = there.forms[0]
    secret = jwt.decode(form["client_secret"], key, algorithms=["ES256"])
    assert secret.header == {"typ": "JWT", "alg": "ES256", "kid": "KEY1234567"}
    now = int(NOON.timestamp())
    assert secret.claims == {
        "iss": "TEAM123456",
        "sub": CLIENT,
        "aud": "https://appleid.apple.com",
        "iat": now,
        "exp": now + 300,
    }
    for nonsense in ("", "[]", "{", '{"name": 7}', '{"name": {"firstName": 7}}', "null"):
        found = await provider.who(ctx, errand, there.visited(url, user=nonsense))
        assert found.name == ""


class Graph:
    """Facebook's, as far as it is asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.status = 200
        self.me: Any = {"id": "42", "name": "Ada Byron", "email": "ada@example.com"}

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.status != 200:
            return httpx.Response(self.status, json={"error": {"message": "no"}})
        if request.url.path == "/v23.0/oauth/access_token":
            return httpx.Response(200, json={"access_token": "T", "token_type": "bearer"})
        return httpx.Response(200, json=self.me)


async def test_facebook() -> None:
    graph = Graph()
    http = HttpClient(transport=httpx.MockTransport(graph.answer), retries=0)
    options = ProviderOptions.model_validate({"client_id": "1", "client_secret": "shh"})
    provider = providers_of({"facebook": options}, http, "https://m.example")["facebook"]
    assert (provider.name, provider.label) == ("facebook", "Facebook")
    errand = Errand("s", "n", "v" * 64, provider.redirect_uri)
    ctx = guest(clock())
    url = await provider.address(ctx, errand)
    assert url.startswith("https://www.facebook.com/v23.0/dialog/oauth?")
    assert query_of(url)["code_challenge_method"] == "S256"
    found = await provider.who(ctx, errand, Answered(code="c", state="s"))
    assert (found.subject, found.email, found.name) == ("42", "ada@example.com", "Ada Byron")
    assert not found.email_verified, "Facebook does not say that it proved it"
    token, me = graph.asked
    form = dict(one.split("=", 1) for one in token.content.decode().split("&"))
    assert (form["code"], form["client_secret"], form["code_verifier"]) == ("c", "shh", "v" * 64)
    assert me.url.params["appsecret_proof"] == hmac.new(b"shh", b"T", sha256).hexdigest()
    assert me.headers["authorization"] == "Bearer T"
    with pytest.raises(ElsewhereRefused):
        await provider.who(ctx, errand, Answered(error="access_denied", state="s"))
    answers: list[Any] = [{}, {"id": 42}, {"id": ""}, []]
    for graph.me in answers:
        with pytest.raises(ElsewhereRefused):
            await provider.who(ctx, errand, Answered(code="c", state="s"))
    for status, kind in ((400, ElsewhereRefused), (500, ElsewhereAway)):
        graph.status = status
        with pytest.raises(kind):
            await provider.who(ctx, errand, Answered(code="c", state="s"))


def test_settings_from_the_environment(tmp_path: Any) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    values = {
        "HAAT_SIGN_IN__GOOGLE__CLIENT_ID": "1234",
        "HAAT_SIGN_IN__GOOGLE__CLIENT_SECRET_FILE": str(file),
        "HAAT_SIGN_IN__COMPANY_SSO__ISSUER": "https://sso.example/realms/acme",
        "HAAT_SIGN_IN__COMPANY_SSO__CLIENT_ID": "market",
        "HAAT_SIGN_IN__COMPANY_SSO__ROLES": "realm:a=finance, groups:/b=c=support",
        "HAAT_SIGN_IN__APPLE__TEAM_ID": "no client: not offered",
    }
    with environment(values):
        options = IdentityOptions()
    assert options.sign_in["google"].secret == "from a file"
    found = providers_of(options.sign_in, HttpClient(), "https://m.example")
    assert {name: one.label for name, one in found.items()} == {
        "google": "Google",
        "company_sso": "Company Sso",
    }
    assert found["google"].redirect_uri == "https://m.example/sign-in/with/google/back"
    assert role_map(options.sign_in["company_sso"].roles) == {
        "realm:a": "finance",
        "groups:/b=c": "support",
    }


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("acme", {"client_id": "x"}),
        ("host", {"client_id": "x", "issuer": "https://a.example"}),
        ("apple", {"client_id": "x"}),
        ("acme", {"client_id": "x", "issuer": "http://a.example"}),
        ("acme", {"client_id": "x", "issuer": "https://u:p@a.example"}),
        ("acme", {"client_id": "x", "issuer": "https://a.example", "roles": "realm:a=owner"}),
        ("acme", {"client_id": "x", "issuer": "https://a.example", "roles": "a=support"}),
    ],
)
def test_settings_that_make_no_sense_stop_the_start(name: str, given: dict[str, str]) -> None:
    def started() -> None:
        options = ProviderOptions.model_validate(given)
        providers_of({name: options}, HttpClient(), "https://m.example")

    with pytest.raises(ValueError):
        started()
