"""Sign in with Apple: OpenID Connect with three ways of its own.

The answer comes as a form (`response_mode=form_post`, wherever a name or address is asked for); the
client's secret is a JWT that we sign with a key of the operator's (ES256); the person's name comes
once, beside the code and signed by nobody, so it names a new account and nothing else.
"""

import json
from dataclasses import replace
from datetime import timedelta

from haat.domains.people.identity.api import Answered
from haat.domains.people.identity.providers.oidc import Oidc
from haat.domains.people.identity.providers.port import Claimed, Errand
from haat.engines.http.issuers import signed
from haat.kernel.context import Context

SECRET_LIVES = timedelta(minutes=5)
SCOPES = "openid email name"
NAME_MAX_CHARS = 120


class Apple(Oidc):
    """Fulfils `Provider`. The secret in its options is the private key, in PEM."""

    basic = False

    def more(self) -> dict[str, str]:
        return {"response_mode": "form_post", "scope": self._options.scopes or SCOPES}

    def secret(self, ctx: Context) -> str:
        now = ctx.now()
        claims = {
            "iss": self._options.team_id,
            "iat": int(now.timestamp()),
            "exp": int((now + SECRET_LIVES).timestamp()),
            "aud": self._options.issuer,
            "sub": self.client_id,
        }
        header = {"alg": "ES256", "kid": self._options.key_id}
        return signed(self._options.secret, header, claims)

    async def who(self, ctx: Context, errand: Errand, answered: Answered) -> Claimed:
        found = await super().who(ctx, errand, answered)
        return replace(found, name=found.name or name_in(answered.user))


def name_in(user: str) -> str:
    """{"name": {"firstName": …, "lastName": …}}: the name, '' where there is none."""
    try:
        name = json.loads(user)["name"]
        parts = [name.get("firstName"), name.get("lastName")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    return " ".join(one for one in parts if isinstance(one, str)).strip()[:NAME_MAX_CHARS]
