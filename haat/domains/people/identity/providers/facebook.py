"""Facebook: OAuth 2 without an ID token.

Who somebody is comes from the Graph API, asked with an access token that we got for a code of ours
over a connection of our own; `appsecret_proof` shows that our own app asks. Facebook does not
say that it proved an e-mail address, so it counts as one that nobody proved: the account it makes
is pending until the link in our mail is followed.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import structlog

from haat.domains.people.identity.api import Answered, ElsewhereAway, ElsewhereRefused
from haat.domains.people.identity.providers.claims import email_of, name_of, subject_of
from haat.domains.people.identity.providers.oidc import FORM, challenge, with_query
from haat.domains.people.identity.providers.port import CALL_S, Claimed, Errand
from haat.domains.people.identity.providers.settings import ProviderOptions
from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

log = structlog.get_logger()

SCOPES = "public_profile,email"


class Facebook:
    """Fulfils `Provider`."""

    def __init__(
        self, name: str, label: str, options: ProviderOptions, http: HttpClient, redirect_uri: str
    ) -> None:
        self.name = name
        self.label = label
        self.redirect_uri = options.redirect_uri or redirect_uri
        self._options = options
        self._http = http
        self._graph = options.graph_url.rstrip("/")

    async def address(self, ctx: Context, errand: Errand) -> str:
        asked = {
            "response_type": "code",
            "client_id": self._options.client_id,
            "redirect_uri": errand.redirect_uri,
            "scope": self._options.scopes or SCOPES,
            "state": errand.state,
            "code_challenge": challenge(errand.verifier),
            "code_challenge_method": "S256",
            **({"auth_type": "reauthenticate"} if errand.again else {}),
        }
        version = self._graph.rpartition("/")[2]
        return with_query(f"{self._options.issuer.rstrip('/')}/{version}/dialog/oauth", asked)

    async def who(self, ctx: Context, errand: Errand, answered: Answered) -> Claimed:
        if answered.error or not answered.code:
            raise self._refused(f"it answered {answered.error[:80]!r}")
        secret = self._options.secret
        tokens = await self._ask(
            ctx,
            "POST",
            "/oauth/access_token",
            {
                "grant_type": "authorization_code",
                "client_id": self._options.client_id,
                "client_secret": secret,
                "redirect_uri": errand.redirect_uri,
                "code": answered.code,
                "code_verifier": errand.verifier,
            },
        )
        token = tokens.get("access_token")
        if not isinstance(token, str):
            raise self._refused("no access token")
        proof = hmac.digest(secret.encode(), token.encode(), sha256).hex()
        asked = {"fields": "id,name,email", "appsecret_proof": proof}
        found = await self._ask(ctx, "GET", "/me", asked, token)
        claims = {"sub": found.get("id"), "name": found.get("name"), "email": found.get("email")}
        email, _ = email_of(claims)
        return Claimed(subject=subject_of(claims), email=email, name=name_of(claims))

    async def _ask(
        self, ctx: Context, method: str, path: str, values: Mapping[str, str], token: str = ""
    ) -> dict[str, Any]:
        """Its JSON object. ElsewhereRefused for a no, ElsewhereAway without an answer."""
        url, content = self._graph + path, None
        headers = {"accept": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if method == "GET":
            url = with_query(url, values)
        else:
            headers["content-type"] = FORM
            content = urlencode(values).encode()
        try:
            answer = await self._http.request(
                ctx, method, url, content=content, headers=headers, timeout_s=2 * CALL_S
            )
            if answer.status >= 500:
                raise ElsewhereAway
            found = answer.json() if answer.ok else None
        except Unavailable as error:
            raise ElsewhereAway from error
        if not isinstance(found, dict):
            raise self._refused(f"{path} answered {answer.status}")
        return found

    def _refused(self, why: str) -> ElsewhereRefused:
        log.warning("sign_in_elsewhere_refused", provider=self.name, why=why)
        return ElsewhereRefused()
