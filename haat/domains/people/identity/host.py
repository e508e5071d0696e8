"""The host ("main") system whose tokens are accepted: HAAT_HOST_ISSUER and what belongs to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import model_validator

from haat.domains.people.identity.api import ElsewhereAway, ElsewhereRefused, HostTokenInvalid
from haat.domains.people.identity.providers.claims import (
    email_of,
    mapped,
    name_of,
    proved_at,
    strong_by,
    subject_of,
)
from haat.domains.people.identity.providers.port import Claimed
from haat.domains.people.identity.providers.settings import role_map, words
from haat.engines.http.client import HttpClient
from haat.engines.http.issuers import (
    ALGORITHMS,
    SHARED_SECRET,
    ForeignTokenInvalid,
    Issuer,
    IssuerAway,
    is_for,
    key_of,
    safe_url,
)
from haat.kernel.context import Context
from haat.kernel.settings import Settings


class HostOptions(Settings):
    """Whose tokens are accepted, and how they are read (docs/operate/sign-in.md).

    Keys are found by the issuer's document, or at `host_jwks_url`, or in `host_key_file` (PEM; a
    text that is none is a secret that both sides know). `host_claims` says under which names it
    tells what: "sub=userId,email=mail,name=fullName".
    """

    host_issuer: str = ""
    host_audience: str = ""
    host_label: str = "Host account"
    host_jwks_url: str = ""
    host_key_file: Path | None = None
    host_claims: str = ""
    host_roles: str = ""
    host_second_step: str = ""
    host_emails_verified: bool = False  # it proves every address itself, and says so nowhere

    @model_validator(mode="after")
    def _whole(self) -> "HostOptions":
        role_map(self.host_roles)
        if not self.host_issuer:
            return self
        if not self.host_audience:
            # A token for another of its systems would open this one.
            raise ValueError("HAAT_HOST_AUDIENCE is missing: for whom the host's tokens are")
        url = self.host_jwks_url or ("" if self.host_key_file else self.host_issuer)
        if url and not safe_url(url):
            raise ValueError("an issuer and its keys have an https:// address")
        return self


class HostSystem:
    """Reads the host's tokens."""

    def __init__(self, options: HostOptions, http: HttpClient) -> None:
        self.issuer = options.host_issuer
        self._options = options
        keys = (
            [key_of(options.host_key_file.read_text("utf-8").strip())]
            if (options.host_key_file)
            else []
        )
        shared = any(key.key_type == "oct" for key in keys)
        self._issuer = Issuer(
            http,
            options.host_issuer,
            jwks_url=options.host_jwks_url,
            keys=keys,
            algorithms=SHARED_SECRET if shared else ALGORITHMS,
        )
        self._names: dict[str, str] = {}
        for one in filter(None, options.host_claims.split(",")):
            ours, _, theirs = one.partition("=")
            self._names[ours.strip()] = theirs.strip()
        self._roles = role_map(options.host_roles)
        self._strong = words(options.host_second_step)

    async def who(self, ctx: Context, token: str) -> Claimed:
        """Who a token speaks for. HostTokenInvalid; ElsewhereAway while its keys cannot be had."""
        try:
            given = await self._issuer.claims(ctx, token)
        except ForeignTokenInvalid:
            raise HostTokenInvalid from None
        except IssuerAway as error:
            raise ElsewhereAway from error
        if not is_for(given, self._options.host_audience):
            raise HostTokenInvalid
        claims = self._renamed(given)
        try:
            subject = subject_of(claims)
        except ElsewhereRefused:
            raise HostTokenInvalid from None
        email, verified = email_of(claims)
        roles = mapped([claims], self._options.host_audience, self._roles) if self._roles else None
        return Claimed(
            subject=subject,
            email=email,
            email_verified=bool(email) and (verified or self._options.host_emails_verified),
            name=name_of(claims),
            roles=roles,
            strong=strong_by(claims, self._strong),
            proved_at=proved_at(claims),
        )

    def _renamed(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """The claims under the names of OpenID Connect. A subject may be a number there."""
        found = {**claims, **{ours: claims.get(theirs) for ours, theirs in self._names.items()}}
        subject = found.get("sub")
        if isinstance(subject, int) and not isinstance(subject, bool):
            found["sub"] = str(subject)
        return found
