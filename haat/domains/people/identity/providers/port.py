"""What a provider of identities does: says where to send a browser, and who came back with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from haat.domains.people.identity.api import Answered, StaffRole
from haat.kernel.context import Context

CALL_S = 5.0


@dataclass(frozen=True, slots=True)
class Errand:
    """One visit to a provider, as the browser keeps it, sealed. `verifier` is PKCE's."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    again: bool = False  # ask them, also where they are signed in there


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who the provider says somebody is. `email` is proved where it says so; `roles` are of
    staff's here, and None where nothing is mapped; `strong`: a second step was taken."""

    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    roles: frozenset[StaffRole] | None = None
    strong: bool = False
    proved_at: datetime | None = None  # when they were asked there, where it says


class Provider(Protocol):
    """An adapter. Raises ElsewhereRefused and ElsewhereAway."""

    name: str
    label: str
    redirect_uri: str

    async def address(self, ctx: Context, errand: Errand) -> str:
        """Where the browser goes."""

    async def who(self, ctx: Context, errand: Errand, answered: Answered) -> Claimed:
        """Who came back; `answered.state` has been compared already."""
