"""Access tokens: short-lived JWTs (RFC 9068) signed with Ed25519 (RFC 9864)."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from haat.engines.http.signing import derive_key
from haat.kernel.clock import Clock
from haat.kernel.errors import Unauthenticated

ALGORITHM = "Ed25519"
TOKEN_MAX_CHARS = 4096
CACHED_TOKENS = 4096


class TokenInvalid(Unauthenticated, code="token_invalid"):
    """This access token is not valid; sign in again."""


class TokenExpired(Unauthenticated, code="token_expired"):
    """This access token has expired; take a new one with the refresh token."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says. `expires_at` is set by `Tokens.issue` and filled by `read`."""

    person_id: UUID
    session_id: UUID
    scopes: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    vendor_id: UUID | None = None  # the vendor whose team the person acts for
    vendor_role: str | None = None
    expires_at: datetime | None = None


class Tokens:
    """Issues and reads access tokens. Read ones are remembered until they expire: verifying a
    signature costs 0.1 ms, which every request would pay again."""

    def __init__(
        self, secret: bytes, clock: Clock, *, issuer: str = "haat", audience: str = "haat"
    ) -> None:
        seed = derive_key(secret, "access tokens")
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._kid = self._key.thumbprint()
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._read: OrderedDict[str, tuple[float, AccessClaims]] = OrderedDict()

    def issue(self, claims: AccessClaims, ttl: timedelta) -> str:
        """A signed token valid for `ttl` from now."""
        now = int(self._clock.now().timestamp())
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + int(ttl.total_seconds()),
            "sub": str(claims.person_id),
            "sid": str(claims.session_id),
            "scope": " ".join(sorted(claims.scopes)),
            "roles": list(claims.roles),
        }
        if claims.vendor_id is not None:
            payload["vendorId"] = str(claims.vendor_id)
            payload["vendorRole"] = claims.vendor_role
        header = {"alg": ALGORITHM, "kid": self._kid, "typ": "at+jwt"}
        return jwt.encode(header, payload, self._key, algorithms=[ALGORITHM])

    def read(self, token: str) -> AccessClaims:
        """The claims of a token of ours. Raises TokenInvalid or TokenExpired."""
        now = self._clock.now().timestamp()
        known = self._read.get(token)
        if known is None:
            known = self._verify(token)
            self._read[token] = known
            if len(self._read) > CACHED_TOKENS:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end(token)
        if known[0] <= now:
            del self._read[token]
            raise TokenExpired
        return known[1]

    def public_jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set others verify our tokens with."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": ALGORITHM}]}

    def _verify(self, token: str) -> tuple[float, AccessClaims]:
        if len(token) > TOKEN_MAX_CHARS or not token.isascii():
            raise TokenInvalid
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            claims, typ = decoded.claims, decoded.header.get("typ")
            ours = claims["iss"] == self._issuer and claims["aud"] == self._audience
            if not ours or typ != "at+jwt":
                raise TokenInvalid
            return float(claims["exp"]), _claims(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise TokenInvalid from None


def _claims(found: dict[str, Any]) -> AccessClaims:
    vendor_id = found.get("vendorId")
    return AccessClaims(
        person_id=UUID(found["sub"]),
        session_id=UUID(found["sid"]),
        scopes=frozenset(found["scope"].split()),
        roles=tuple(found["roles"]),
        vendor_id=UUID(vendor_id) if vendor_id else None,
        vendor_role=found.get("vendorRole"),
        expires_at=datetime.fromtimestamp(found["exp"], UTC),
    )
