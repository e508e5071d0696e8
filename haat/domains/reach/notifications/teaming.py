"""Who is told what about vendors' teams and the market's staff."""

from collections.abc import Callable
from typing import Any

from haat.domains.people.identity.api import StaffChanged, TeamChanged, TeamInvited
from haat.domains.reach.notifications.notice import Known, Notice
from haat.kernel.events import Event

TEAM = "/vendor/team"
# To whom it happened; where it leads them.
OWN_NEWS = {
    "role": ("team_role", "/vendor"),
    "owner": ("team_owner", "/vendor"),
    "activated": ("team_activated", "/account"),
    "deactivated": ("team_deactivated", "/account"),
    "removed": ("team_removed", "/account"),
}
OWNERS_NEWS = {"joined": "team_joined", "left": "team_left"}


def _invited(event: TeamInvited, known: Known) -> list[Notice]:
    """The mail's link is asked for when it is sent."""
    facts = {"vendor": known.vendors.get(event.vendor_id, "")}
    return [
        Notice(
            parent=event.id,
            kind="team_invited",
            path="",
            facts=facts,
            invitation_id=event.invitation_id,
        )
    ]


def _changed(event: TeamChanged, known: Known) -> list[Notice]:
    facts: dict[str, Any] = {
        "vendor": known.vendors.get(event.vendor_id, ""),
        "role": (event.role or "").replace("_", " "),
    }
    if event.what in OWN_NEWS:
        kind, path = OWN_NEWS[event.what]
        return [
            Notice(parent=event.id, kind=kind, path=path, facts=facts, person_id=event.person_id)
        ]
    kind = OWNERS_NEWS.get(event.what, "")
    return [
        Notice(parent=event.id, kind=kind, path=TEAM, facts=facts, person_id=owner)
        for owner in event.owners
        if kind and owner != event.person_id
    ]


def _staff(event: StaffChanged, known: Known) -> list[Notice]:
    kind = "staff_changed" if event.roles else "staff_ended"
    facts = {"roles": ", ".join(role.replace("_", " ") for role in event.roles)}
    path = "/admin" if event.roles else "/account"
    return [Notice(parent=event.id, kind=kind, path=path, facts=facts, person_id=event.person_id)]


BY_EVENT: dict[type[Event], Callable[[Any, Known], list[Notice]]] = {
    TeamInvited: _invited,
    TeamChanged: _changed,
    StaffChanged: _staff,
}
TEXTS: dict[str, tuple[str, str]] = {
    "team_invited": (
        "You are invited to the team of {vendor}",
        "Follow the link within seven days, and sign in or open an account with this address. If"
        " you did not expect this, do nothing.",
    ),
    "team_joined": (
        "Somebody joined the team of {vendor}",
        "The invitation was accepted; the role is {role}.",
    ),
    "team_left": ("Somebody left the team of {vendor}", "What they might do there has ended."),
    "team_role": (
        "Your role at {vendor} is {role}",
        "It counts at once; pages that are open may ask you to load them again.",
    ),
    "team_owner": (
        "You own {vendor} now",
        "The store was handed over to you. The owner before is an admin in its team.",
    ),
    "team_activated": ("You can work for {vendor} again", "Your place in the team is active."),
    "team_deactivated": (
        "You cannot work for {vendor} for now",
        "Your place in the team is kept, but gives you nothing until an owner activates it.",
    ),
    "team_removed": ("You are no longer in the team of {vendor}", "Your own account stays."),
    "staff_changed": (
        "What you may do as staff has changed",
        "Your roles are now: {roles}. It counts at once.",
    ),
    "staff_ended": ("You are no longer staff here", "Your own account stays."),
}
