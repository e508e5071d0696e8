"""How long a session may last, and how many a person may have at once.

Both are looked at where a session goes on, by whose it is at that moment: somebody who joins the
staff has staff's times from their next refresh on, and a setting that changed counts at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from haat.domains.people.identity.api import RefreshInvalid, SessionOver
from haat.engines.sql import Record, Sql

AGED, IDLE, TOO_MANY = "age", "idle", "too_many"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """`life` is a session's from its beginning, `idle` from its last refresh on; staff have their
    own. At most `most` sessions of a person go on at once."""

    idle: timedelta
    life: timedelta
    staff_idle: timedelta
    staff_life: timedelta
    most: int

    @property
    def spans(self) -> list[timedelta]:
        """As `spans` takes them."""
        return [self.idle, self.life, self.staff_idle, self.staff_life]


def spans(parameter: str) -> str:
    """`span.idle` and `span.life` of the person `p`, by an array of four intervals."""
    staff = (
        "(p.staff_roles <> '{}' OR EXISTS"
        " (SELECT 1 FROM identity.staff_customs c WHERE c.person_id = p.id))"
    )
    given = f"({parameter}::interval[])"
    return (
        f"CROSS JOIN LATERAL (SELECT CASE WHEN {staff} THEN {given}[3] ELSE {given}[1] END AS idle,"
        f" CASE WHEN {staff} THEN {given}[4] ELSE {given}[2] END AS life) span"
    )


# After a session was begun, in the same transaction, which holds the person's row: of several that
# sign in at once each sees those before it. What was used longest ago goes first.
TRIM = Sql("""
UPDATE identity.sessions SET ended_at = $2, end_reason = 'too_many'
 WHERE ended_at IS NULL AND id IN (
   SELECT id FROM identity.sessions
    WHERE person_id = $1 AND ended_at IS NULL AND expires_at > $2
    ORDER BY id = $4 DESC, coalesce(used_at, created_at) DESC, id DESC OFFSET $3)
RETURNING id
""")


def refusal(found: Record | None, now: datetime) -> RefreshInvalid | SessionOver:
    """Why a session does not go on. Only who has its token is told."""
    if found is None:
        return RefreshInvalid()
    if found["end_reason"] == TOO_MANY:
        return SessionOver(
            "This device was signed out because others signed in to the account. Sign in again.",
            reason=TOO_MANY,
        )
    if found["ended_at"] is not None:
        return RefreshInvalid()
    if found["ends_at"] <= now:
        return SessionOver(
            "You have been signed in here for as long as it is allowed. Sign in again.",
            reason=AGED,
        )
    return SessionOver("You were away for too long. Sign in again.", reason=IDLE)
