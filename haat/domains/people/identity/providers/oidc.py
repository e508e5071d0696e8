"""Any OpenID Connect provider: the authorization code with PKCE, `state` and `nonce`.

What comes back with the browser proves nothing by itself. The code is exchanged over a connection
of our own, and the ID token is checked as OpenID Connect Core 3.1.3.7 says.
"""

import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256, sha384, sha512
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import structlog

from haat.domains.people.identity.api import Answered, ElsewhereAway, ElsewhereRefused
from haat.domains.people.identity.providers.claims import (
    check_party,
    email_of,
    mapped,
    name_of,
    proved_at,
    strong_by,
    subject_of,
)
from haat.domains.people.identity.providers.port import CALL_S, Claimed, Errand
from haat.domains.people.identity.providers.settings import ProviderOptions, role_map, words
from haat.engines.http.client import HttpClient
from haat.engines.http.issuers import ForeignTokenInvalid, Issuer, IssuerAway, safe_url
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

log = structlog.get_logger()

SCOPES = "openid email profile"
FORM = "application/x-www-form-urlencoded"


class Oidc:
    """Fulfils `Provider`."""

    def __init__(
        self, name: str, label: str, options: ProviderOptions, http: HttpClient, redirect_uri: str
    ) -> None:
        self.name = name
        self.label = label
        self.redirect_uri = options.redirect_uri or redirect_uri
        self.client_id = options.client_id
        self._options = options
        self._http = http
        self._issuer = Issuer(http, options.issuer)
        self._roles = role_map(options.roles)
        self._strong = words(options.second_step)

    async def address(self, ctx: Context, errand: Errand) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": errand.redirect_uri,
            "scope": self._options.scopes or SCOPES,
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": challenge(errand.verifier),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if errand.again else {}),
            **self.more(),
        }
        return with_query(await self._endpoint(ctx, "authorization_endpoint"), asked)

    def more(self) -> dict[str, str]:
        """What else is asked for."""
        return {}

    async def who(self, ctx: Context, errand: Errand, answered: Answered) -> Claimed:
        document = await self._document(ctx)
        self._check_answer(document, answered)
        tokens = await self._exchange(ctx, errand, answered.code)
        claims = await self._id_token(ctx, tokens, errand)
        told = await self._userinfo(ctx, document, tokens, claims)
        said = {**told, **claims}
        # The address and its proof come from one place: a proof of another address is none.
        email, verified = email_of(claims if "email" in claims else told)
        return Claimed(
            subject=subject_of(claims),
            email=email,
            email_verified=verified,
            name=name_of(said),
            roles=await self._mapped(ctx, tokens, claims, told),
            strong=strong_by(claims, self._strong),
            proved_at=proved_at(claims),
        )

    def _check_answer(self, document: Mapping[str, Any], answered: Answered) -> None:
        """Whether it is this provider that answers (RFC 9207), and with a code."""
        says_who = document.get("authorization_response_iss_parameter_supported") is True
        if (says_who or answered.iss) and answered.iss != self._issuer.issuer:
            raise self._refused("another issuer answered")
        if answered.error or not answered.code:
            raise self._refused(f"it answered {answered.error[:80]!r}")

    async def _exchange(self, ctx: Context, errand: Errand, code: str) -> Mapping[str, Any]:
        """The tokens for a code, which the provider takes once."""
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": errand.redirect_uri,
            "code_verifier": errand.verifier,
        }
        headers = {"content-type": FORM, "accept": "application/json"}
        url = await self._endpoint(ctx, "token_endpoint")
        methods = (await self._document(ctx)).get("token_endpoint_auth_methods_supported")
        secret = self.secret(ctx)
        if secret and self.basic and (not methods or "client_secret_basic" in methods):
            pair = f"{quote(self.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {_base64(pair.encode())}"
        else:
            body |= {"client_id": self.client_id, **({"client_secret": secret} if secret else {})}
        try:
            answer = await self._http.request(
                ctx,
                "POST",
                url,
                content=urlencode(body).encode(),
                headers=headers,
                idempotent=False,
                timeout_s=2 * CALL_S,
            )
            if answer.status >= 500:
                raise ElsewhereAway
            found = _object(answer.json() if answer.ok else None)
        except Unavailable as error:
            raise ElsewhereAway from error
        if found is None:
            raise self._refused(f"no tokens for the code: {answer.status}")
        return found

    basic = True  # whether the secret goes into a header where the provider takes it there

    def secret(self, ctx: Context) -> str:
        """What proves to the provider that it is us."""
        return self._options.secret

    async def _id_token(
        self, ctx: Context, tokens: Mapping[str, Any], errand: Errand
    ) -> dict[str, Any]:
        claims = await self._claims(ctx, tokens.get("id_token"))
        if claims is None:
            raise self._refused("the ID token is not valid")
        check_party(claims, self.client_id)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode(), errand.nonce.encode()
        ):
            raise self._refused("the nonce is another's")
        bound = claims.get("at_hash")
        if bound is not None and bound != at_hash(str(tokens.get("access_token", "")), bound):
            raise self._refused("the access token is another's")
        return claims

    async def _claims(self, ctx: Context, token: object) -> dict[str, Any] | None:
        """What a token of the issuer's says; None where it is none."""
        if not isinstance(token, str):
            return None
        try:
            return await self._issuer.claims(ctx, token)
        except ForeignTokenInvalid:
            return None
        except IssuerAway as error:
            raise ElsewhereAway from error

    async def _userinfo(
        self,
        ctx: Context,
        document: Mapping[str, Any],
        tokens: Mapping[str, Any],
        claims: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What else it tells of the same person; asked where the ID token lacks something."""
        url, token = document.get("userinfo_endpoint"), tokens.get("access_token")
        if ("email" in claims and not self._roles) or not url or not isinstance(token, str):
            return {}
        if not safe_url(str(url)):
            raise ElsewhereAway
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        try:
            answer = await self._http.request(
                ctx, "GET", str(url), headers=headers, timeout_s=CALL_S
            )
            plain = answer.headers.get("content-type", "").startswith("application/json")
            found = _object(answer.json() if answer.ok and plain else None)
        except Unavailable as error:
            raise ElsewhereAway from error
        if found is None:
            return {}
        if found.get("sub") != claims.get("sub"):
            raise self._refused("its user info is of somebody else")
        return found

    async def _mapped(
        self,
        ctx: Context,
        tokens: Mapping[str, Any],
        claims: Mapping[str, Any],
        told: Mapping[str, Any],
    ) -> Any:
        if not self._roles:
            return None
        sources = [claims, told]
        # Keycloak puts roles into the access token, unless told otherwise. It is signed by the
        # same keys, and was made for us.
        access = await self._claims(ctx, tokens.get("access_token"))
        if access and access.get("sub") == claims.get("sub"):
            party = access.get("azp", access.get("client_id", access.get("aud")))
            sources += [access] if party == self.client_id else []
        return mapped(sources, self.client_id, self._roles)

    async def _document(self, ctx: Context) -> Mapping[str, Any]:
        try:
            return await self._issuer.document(ctx)
        except IssuerAway as error:
            raise ElsewhereAway from error

    async def _endpoint(self, ctx: Context, name: str) -> str:
        url = str((await self._document(ctx)).get(name, ""))
        if not safe_url(url):
            raise ElsewhereAway
        return url

    def _refused(self, why: str) -> ElsewhereRefused:
        """Why is for the operator: a browser is told that it did not work."""
        log.warning("sign_in_elsewhere_refused", provider=self.name, why=why)
        return ElsewhereRefused()


def challenge(verifier: str) -> str:
    """PKCE's S256 (RFC 7636)."""
    return _urlsafe(sha256(verifier.encode()).digest())


def at_hash(access_token: str, like: object) -> str:
    """The left half of the access token's hash, by the hash whose half is as long as `like`."""
    by_length = {22: sha256, 32: sha384, 43: sha512}
    digest = by_length.get(len(str(like)), sha256)(access_token.encode()).digest()
    return _urlsafe(digest[: len(digest) // 2])


def with_query(url: str, asked: Mapping[str, str]) -> str:
    """An address with these beside what it asks already."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked, quote_via=quote)}"


def _object(found: object) -> dict[str, Any] | None:
    return found if isinstance(found, dict) else None


def _urlsafe(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
