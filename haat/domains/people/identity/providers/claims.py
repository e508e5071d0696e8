"""What a provider's claims mean here: pure decisions, tested as tables."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from haat.domains.people.identity.api import ElsewhereRefused, StaffRole

NAME_MAX_CHARS = 120
SUBJECT_MAX_CHARS = 255  # OpenID Connect Core 2


def subject_of(claims: Mapping[str, Any]) -> str:
    """By which the provider knows somebody for good. ElsewhereRefused without one."""
    found = claims.get("sub")
    if not isinstance(found, str) or not 0 < len(found) <= SUBJECT_MAX_CHARS:
        raise ElsewhereRefused
    if not found.isprintable():
        raise ElsewhereRefused
    return found


def check_party(claims: Mapping[str, Any], client_id: str) -> None:
    """Whether an ID token is for us, and for us alone: `aud`, and `azp` where there is one, or
    must be. ElsewhereRefused."""
    audience, party = claims.get("aud"), claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    ours = audience == client_id or (isinstance(audience, list) and client_id in audience)
    if not ours or (several and party is None) or (party is not None and party != client_id):
        raise ElsewhereRefused


def email_of(claims: Mapping[str, Any]) -> tuple[str, bool]:
    """The address and whether the provider proved it: Apple says so with a word, not a truth."""
    email = claims.get("email")
    if not isinstance(email, str):
        return "", False
    verified = claims.get("email_verified")
    return email, verified is True or verified == "true"


def name_of(claims: Mapping[str, Any]) -> str:
    for key in ("name", "preferred_username"):
        found = claims.get(key)
        if isinstance(found, str) and found.strip() and "@" not in found:
            return found.strip()[:NAME_MAX_CHARS]
    return ""


def strong_by(claims: Mapping[str, Any], words: frozenset[str]) -> bool:
    """Whether `acr` or `amr` is one of the words that mean a second step."""
    methods = claims.get("amr")
    said = [claims.get("acr"), *(methods if isinstance(methods, list) else [])]
    return any(isinstance(one, str) and one in words for one in said)


def proved_at(claims: Mapping[str, Any]) -> datetime | None:
    """When somebody was last asked who they are, where `auth_time` says so."""
    found = claims.get("auth_time")
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found < 1e11:
        return None
    return datetime.fromtimestamp(found, UTC)


def mapped(
    sources: Iterable[Mapping[str, Any]], client_id: str, roles: Mapping[str, StaffRole]
) -> frozenset[StaffRole]:
    """The roles of staff's that these claims give. Where theirs is looked for:

    `realm:NAME` in `realm_access.roles`, `client:NAME` in `resource_access.<our client>.roles`,
    `client/OTHER:NAME` in that of another client, as Keycloak writes them; else `A.B:NAME` in the
    claim `A.B`, a list or one text.
    """
    given = list(sources)
    return frozenset(
        ours
        for theirs, ours in roles.items()
        if any(theirs.partition(":")[2] in _at(one, _path(theirs, client_id)) for one in given)
    )


def _path(theirs: str, client_id: str) -> list[str]:
    place = theirs.partition(":")[0]
    if place == "realm":
        return ["realm_access", "roles"]
    if place == "client":
        return ["resource_access", client_id, "roles"]
    if place.startswith("client/"):
        return ["resource_access", place.removeprefix("client/"), "roles"]
    return place.split(".")


def _at(claims: Mapping[str, Any], path: Iterable[str]) -> list[str]:
    found: Any = claims
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
