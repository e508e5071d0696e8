"""Returns in words: reasons, states and how far one has come, for customers, vendors and staff."""

from collections.abc import Mapping
from typing import Any

from haat.domains.trade.returns.api import Return
from haat.kernel.errors import Problem

PICTURES_MAX = 8
REASONS: tuple[tuple[str, str], ...] = (
    ("changed_mind", "I changed my mind"),
    ("wrong_size", "Wrong size"),
    ("not_as_described", "Not as described"),
    ("damaged", "Damaged or defective"),
    ("wrong_item", "Something else was sent"),
    ("not_received", "It never arrived"),
    ("incomplete", "Parts are missing"),
    ("other", "Something else"),
)
REASON_WORDS: Mapping[str, str] = {
    **dict(REASONS),
    "changed_mind": "Changed their mind",
    "other": "Another reason",
}
STATES: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("requested", "To answer"),
    ("approved", "Approved"),
    ("sent_back", "On their way back"),
    ("received", "Received"),
    ("refunded", "Refunded"),
    ("refused", "Refused"),
    ("withdrawn", "Withdrawn"),
)
_THERE_AND_BACK = ("Asked for", "Approved", "Sent back", "Received", "Refunded")
_AT_ONCE = ("Asked for", "Approved", "Refunded")
_WHY = {
    "unpaid": "This is not paid, or all of it was given back already.",
    "not_delivered": "This has not been delivered yet. You can send it back once you have it.",
    "window_closed": "The time for sending it back is over. You can still complain.",
    "quantity": "Fewer of these are left: some were asked for or given back meanwhile.",
}


def steps_of(found: Return) -> tuple[tuple[str, ...], int | None]:
    """The steps of a return and how far it is; no place where it ended early."""
    names = _THERE_AND_BACK if found.send_back else _AT_ONCE
    if found.state in ("refused", "withdrawn"):
        return names, None
    if found.state == "refunded":
        return names, len(names)
    return names, ("requested", "approved", "sent_back", "received").index(found.state)


def shown(found: Return) -> dict[str, Any]:
    """What every page of a return needs."""
    names, reached = steps_of(found)
    return {"found": found, "steps": names, "reached": reached, "reasons": REASON_WORDS}


def plainly(problem: Problem) -> Problem:
    """The same problem in words for people."""
    if problem.code == "not_returnable":
        problem.detail = _WHY.get(str(problem.data.get("why")), problem.detail)
    elif problem.code == "return_state":
        problem.detail = "Somebody else moved it meanwhile: look at how it stands now."
    return problem
