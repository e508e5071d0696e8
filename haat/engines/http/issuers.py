"""Others' signed tokens: an issuer's published keys, and what makes a token of theirs acceptable.

An issuer comes from the configuration, never from a token or a request: what is fetched is what the
operator named, and what that document, read over TLS, names in turn.
"""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated, Unavailable

# Signatures alone: with a secret of both sides (HMAC) only where the operator said so.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
SHARED_SECRET = ("HS256", "HS384", "HS512")
TOKEN_MAX_CHARS = 16_384
LEEWAY = timedelta(seconds=60)  # between two machines' clocks
KEPT = timedelta(hours=1)  # an issuer's document and keys
# An unknown key is asked for, but not by everybody who makes one up.
ASKED_EVERY = timedelta(seconds=10)
CALL_S = 5.0
_KINDS = ("RSA", "EC", "OKP")
Key = RSAKey | ECKey | OKPKey | OctKey


class ForeignTokenInvalid(Unauthenticated, code="foreign_token_invalid"):
    """This token of another system is not valid here."""


class IssuerAway(Unavailable, code="issuer_away"):
    """The other system does not answer as it should; try again later."""


def safe_url(url: str) -> bool:
    """Whether an address may be called: https, or plain http on this machine alone. Without a user,
    a password, or a fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host or parts.username is not None or parts.fragment or not url.isprintable():
            return False
    except ValueError:
        return False
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and is_here(host)


def is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Issuer:
    """Whose tokens are accepted. Its keys are fetched when first needed, again after an hour, and
    when a token names one that is not known (rotation): every ten seconds at most.

    `jwks_url` saves the look into its document; `keys` (PEM, or a shared secret) saves both.
    """

    def __init__(
        self,
        http: HttpClient,
        issuer: str,
        *,
        jwks_url: str = "",
        keys: Sequence[Key] = (),
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> None:
        self.issuer = issuer
        self._http = http
        self._jwks_url = jwks_url
        self._fixed = bool(keys)
        self._keys: list[Key] = list(keys)
        self._algorithms = list(algorithms)
        self._keys_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._document: dict[str, Any] | None = None
        self._document_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def document(self, ctx: Context) -> Mapping[str, Any]:
        """Its OpenID Provider Metadata. IssuerAway where it is missing or another's."""
        async with self._lock:
            return await self._read_document(ctx)

    async def claims(self, ctx: Context, token: str) -> dict[str, Any]:
        """What a token says whose signature is the issuer's, and which is of now: `iss`, `exp`,
        `nbf` and `iat` are checked. For whom it is (`aud`) is the caller's to check.

        ForeignTokenInvalid; IssuerAway while the keys cannot be had.
        """
        if len(token) > TOKEN_MAX_CHARS or not token.isascii():
            raise ForeignTokenInvalid
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError, RecursionError):
            raise ForeignTokenInvalid from None
        if header.get("alg") not in self._algorithms:
            raise ForeignTokenInvalid  # "none" is among what is not in it
        key = await self._key(ctx, header)
        try:
            claims = jwt.decode(token, lambda _: key, algorithms=self._algorithms).claims
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ForeignTokenInvalid from None
        if not isinstance(claims, dict) or claims.get("iss") != self.issuer:
            raise ForeignTokenInvalid
        check_times(claims, ctx.now())
        return claims

    async def _key(self, ctx: Context, header: Mapping[str, Any]) -> Key:
        """The key that signed, by the header's `kid`; without one, the only key of its kind."""
        found = self._fitting(header)
        now, at = ctx.now(), self._keys_at
        stale = at is None or now - at >= (ASKED_EVERY if found is None else KEPT)
        if stale and not self._fixed:
            async with self._lock:
                # Nobody asked meanwhile; and where it does not answer, not everybody waits for it.
                failed = self._failed_at
                if failed is not None and now - failed < ASKED_EVERY:
                    raise IssuerAway
                if self._keys_at == at:
                    await self._read_keys(ctx)
            found = self._fitting(header)
        if found is None:
            raise ForeignTokenInvalid
        return found

    def _fitting(self, header: Mapping[str, Any]) -> Key | None:
        kind, kid = _kind(str(header["alg"])), header.get("kid")
        fitting = [key for key in self._keys if key.key_type == kind]
        named = [key for key in fitting if kid is not None and key.kid == kid]
        if named:
            return named[0]
        if len(fitting) == 1 and (kid is None or fitting[0].kid is None):
            return fitting[0]
        return None

    async def _read_keys(self, ctx: Context) -> None:
        try:
            url = self._jwks_url or str((await self._read_document(ctx)).get("jwks_uri", ""))
            self._keys = _keys(await self.fetch(ctx, url))
        except Unavailable:
            if not self._keys:
                self._failed_at = ctx.now()
                raise
        self._keys_at = ctx.now()  # also where it failed: what is known goes on for a while

    async def _read_document(self, ctx: Context) -> dict[str, Any]:
        now = ctx.now()
        if self._document is not None and self._document_at and now - self._document_at < KEPT:
            return self._document
        try:
            url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await self.fetch(ctx, url)
            if found.get("issuer") != self.issuer:
                raise IssuerAway("The sign-in service says that it is another one.")
            self._document = found
        except Unavailable:
            if self._document is None:
                raise
        self._document_at = now
        return self._document

    async def fetch(self, ctx: Context, url: str) -> dict[str, Any]:
        """A JSON object from an address of the issuer's. IssuerAway. Redirects are not followed."""
        if not safe_url(url):
            raise IssuerAway("The other system names an address that is not safe to call.")
        try:
            answer = await self._http.request(
                ctx, "GET", url, headers={"accept": "application/json"}, timeout_s=CALL_S
            )
            found = answer.json() if answer.ok else None
        except Unavailable as error:
            raise IssuerAway from error
        if not isinstance(found, dict):
            raise IssuerAway
        return found


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """ForeignTokenInvalid for a token that has expired, is not valid yet, or is of the future."""
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    until, begins, made = claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)
    if not all(_is_time(one) for one in (until, begins, made)):
        raise ForeignTokenInvalid
    assert isinstance(until, (int, float))  # a time, as just seen
    if until + leeway <= moment or max(begins, made) - leeway > moment:
        raise ForeignTokenInvalid


def is_for(claims: Mapping[str, Any], audience: str) -> bool:
    """Whether `aud`, one or several, has this one among it."""
    given = claims.get("aud")
    return given == audience or (isinstance(given, list) and audience in given)


def issuer_said(token: str) -> str:
    """Who a token says it is from, of which nothing is proved: to find out whom to ask. '' where it
    is no JWT."""
    try:
        body = token.split(".")[1]
        found = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return str(found.get("iss", ""))
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""


def key_of(pem: str) -> Key:
    """A key out of a PEM text, or a shared secret. ValueError for a secret under 32 bytes."""
    if "-----BEGIN" not in pem:
        if len(pem.encode()) < 32:
            raise ValueError("a shared secret has at least 32 bytes")
        return OctKey.import_key(pem.encode())
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("this is no RSA, EC or Ed25519 key in PEM")


def signed(pem: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWT signed with a private key of ours; `header` names the algorithm."""
    return jwt.encode(dict(header), dict(claims), key_of(pem), algorithms=[str(header["alg"])])


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _kind(algorithm: str) -> str:
    if algorithm.startswith("HS"):
        return "oct"
    if algorithm.startswith("ES"):
        return "EC"
    return "OKP" if algorithm.startswith("Ed") else "RSA"


def _keys(found: Mapping[str, Any]) -> list[Key]:
    """The public keys of a set that sign; what cannot be read is passed over."""
    keys: list[Key] = []
    entries = found.get("keys")
    for one in entries if isinstance(entries, list) else []:
        if not isinstance(one, dict) or one.get("kty") not in _KINDS or one.get("use") == "enc":
            continue
        try:
            keys += [key for key in KeySet.import_key_set({"keys": [one]}).keys if key]
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise IssuerAway("The other system publishes no key that it signs with.")
    return keys


__all__ = [
    "ALGORITHMS",
    "SHARED_SECRET",
    "ForeignTokenInvalid",
    "Issuer",
    "IssuerAway",
    "check_times",
    "is_for",
    "issuer_said",
    "key_of",
    "safe_url",
    "signed",
]
