"""Access tokens: short-lived JWTs (RFC 9068) signed with Ed25519 (RFC 9864)."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey

from haat.engines.http.keyring import BEGINNING, FIRST, Ring, read_ring
from haat.engines.http.signing import derive_key
from haat.kernel.clock import Clock
from haat.kernel.errors import Unauthenticated

ALGORITHM = "Ed25519"
TOKEN_MAX_CHARS = 4096
CACHED_TOKENS = 4096
ENDED_KEPT_S = 25 * 3600  # an access token lives for a day at most


class TokenInvalid(Unauthenticated, code="token_invalid"):
    """This access token is not valid; sign in again."""


class SessionEnded(TokenInvalid, code="session_ended"):
    """This session has ended; sign in again."""


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
    # Until when the person counts as having just proved who they are.
    proved_until: datetime | None = None
    expires_at: datetime | None = None
    rights: int = 0  # how often the person's rights had changed when it was issued
    support: bool = False  # staff in a support session: `session_id` is that one's


class Tokens:
    """Issues and reads access tokens. Read ones are remembered until they expire: verifying a
    signature costs 0.1 ms, which every request would pay again.

    A token says what somebody might do when it was issued. When that changes, `recall` makes every
    older one of theirs expire early: its holder takes a new one with the refresh token. `end` names
    sessions whose tokens are refused from then on.
    """

    def __init__(
        self,
        secret: bytes,
        clock: Clock,
        *,
        issuer: str = "haat",
        audience: str = "haat",
        ring: Path | None = None,
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._read: OrderedDict[str, tuple[float, AccessClaims]] = OrderedDict()
        self._ended: OrderedDict[UUID, float] = OrderedDict()  # session → when it was heard of
        self._recalled: dict[UUID, tuple[int, float]] = {}  # person → rights, until when to know
        self._path = ring
        self._ring: Ring = ()
        self._keys: dict[str, OKPKey] = {}
        self.look()

    def look(self) -> None:
        """Reads the ring of keys again, where it has a file. Raises ValueError for one that holds
        something else; the keys stay as they are then."""
        found = read_ring(self._path) if self._path else BEGINNING
        if found == self._ring:
            return
        keys = [_key(self._secret, one.number) for one in found]
        self._ring, self._keys = found, {key.thumbprint(): key for key in keys}
        self._read.clear()  # what a dropped key signed is to be looked at again

    def _signing(self, now: datetime) -> OKPKey:
        """The key of the last generation that signs by now."""
        keys = list(self._keys.values())
        signs = [n for n, one in enumerate(self._ring) if one.signs_from <= now]
        return keys[signs[-1] if signs else 0]

    def issue(self, claims: AccessClaims, ttl: timedelta) -> str:
        """A signed token valid for `ttl` from now."""
        moment = self._clock.now()
        now, key = int(moment.timestamp()), self._signing(moment)
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + int(ttl.total_seconds()),
            "sub": str(claims.person_id),
            "sid": str(claims.session_id),
            "scope": " ".join(sorted(claims.scopes)),
            "roles": list(claims.roles),
            "rights": claims.rights,
        }
        if claims.vendor_id is not None:
            payload["vendorId"] = str(claims.vendor_id)
            payload["vendorRole"] = claims.vendor_role
        if claims.proved_until is not None:
            payload["provedUntil"] = int(claims.proved_until.timestamp())
        if claims.support:
            payload["support"] = True
        header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": "at+jwt"}
        return jwt.encode(header, payload, key, algorithms=[ALGORITHM])

    def read(self, token: str) -> AccessClaims:
        """The claims of a token of ours. Raises TokenInvalid, SessionEnded or TokenExpired."""
        now = self._clock.now().timestamp()
        known = self._read.get(token)
        if known is None:
            known = self._verify(token)
            self._read[token] = known
            if len(self._read) > CACHED_TOKENS:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end(token)
        recalled = self._recalled.get(known[1].person_id)
        if known[0] <= now or (recalled is not None and known[1].rights < recalled[0]):
            del self._read[token]
            raise TokenExpired
        if known[1].session_id in self._ended:
            raise SessionEnded
        return known[1]

    def end(self, session_ids: Iterable[UUID]) -> None:
        """Refuses access tokens of these sessions, for longer than any of them is valid."""
        now = self._clock.now().timestamp()
        for id in session_ids:
            self._ended.setdefault(id, now)
        while self._ended:
            id, heard = next(iter(self._ended.items()))
            if heard + ENDED_KEPT_S > now:
                break
            del self._ended[id]

    def recall(self, person_id: UUID, rights: int, until: datetime) -> None:
        """Tokens of this person from before their rights changed for the `rights`th time are as
        good as expired. `until`: when the last of them has run out by itself."""
        now = self._clock.now().timestamp()
        known = self._recalled.get(person_id, (0, 0.0))
        if len(self._recalled) > CACHED_TOKENS:
            for id in [id for id, one in self._recalled.items() if one[1] <= now]:
                del self._recalled[id]
        self._recalled[person_id] = (max(rights, known[0]), max(until.timestamp(), known[1]))

    def public_jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set others verify our tokens with."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
                for kid, key in self._keys.items()
            ]
        }

    def _verify(self, token: str) -> tuple[float, AccessClaims]:
        if len(token) > TOKEN_MAX_CHARS or not token.isascii():
            raise TokenInvalid
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=[ALGORITHM])
            claims, typ = decoded.claims, decoded.header.get("typ")
            ours = claims["iss"] == self._issuer and claims["aud"] == self._audience
            if not ours or typ != "at+jwt":
                raise TokenInvalid
            return float(claims["exp"]), _claims(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise TokenInvalid from None

    def _key_of(self, token: GuestProtocol) -> OKPKey:
        """The key that the header names; KeyError for one that is none of ours."""
        return self._keys[token.headers()["kid"]]


def _key(secret: bytes, number: int) -> OKPKey:
    purpose = "access tokens" if number == FIRST else f"access tokens {number}"
    seed = derive_key(secret, purpose)
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))


def _claims(found: dict[str, Any]) -> AccessClaims:
    vendor_id, proved = found.get("vendorId"), found.get("provedUntil")
    return AccessClaims(
        person_id=UUID(found["sub"]),
        session_id=UUID(found["sid"]),
        scopes=frozenset(found["scope"].split()),
        roles=tuple(found["roles"]),
        vendor_id=UUID(vendor_id) if vendor_id else None,
        vendor_role=found.get("vendorRole"),
        proved_until=datetime.fromtimestamp(proved, UTC) if proved else None,
        expires_at=datetime.fromtimestamp(found["exp"], UTC),
        rights=int(found.get("rights", 0)),
        support=found.get("support") is True,
    )
