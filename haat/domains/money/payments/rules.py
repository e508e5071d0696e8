"""How payments move: only forward, whatever order answers and messages come in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payments.api import (
    PaymentFailed,
    PaymentSucceeded,
    PaymentUpdated,
    Purpose,
    Status,
    TransferInstructions,
)
from haat.domains.money.payments.providers.port import ProviderPayment
from haat.kernel.events import Event
from haat.kernel.money import Money

# A state is only ever left for one of a higher rank; of two ends, the first that is known stands.
RANK: Mapping[Status, int] = {
    "created": 0,
    "needs_action": 1,
    "awaiting": 2,
    "authorized": 3,
    "captured": 4,
    "declined": 4,
    "voided": 4,
    "capture_failed": 4,
}
END = 4
MISMATCH = "amount_mismatch"

# After these the authorization over there is given up too: a card holder could try another card
# on a declined payment, and nobody would want that money any more.
GIVEN_UP = frozenset({"declined", "capture_failed"})

_HIDDEN = re.compile(
    r"token|secret|key|signature|authorization|cvc|cvv|number|account|holder|iban|email|phone|name"
    r"|birth|address|postal|admin_area|^(line_?[12]|city|zip|ip)$",
    re.I,
)
_REDACTED = "[redacted]"
_DEPTH_MAX = 8
_TEXT_MAX = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state a provider's answer leads to."""

    status: Status
    action_url: str | None = None
    decline_code: str | None = None
    captured_minor: int = 0
    collect: Literal["now", "on_delivery"] = "now"
    instructions: TransferInstructions | None = None

    @property
    def rank(self) -> int:
        return RANK[self.status]

    @property
    def void_due(self) -> bool:
        return self.status in GIVEN_UP

    def with_reference(self, reference: str) -> "Verdict":
        """The same, to be paid with another transfer reference."""
        assert self.instructions is not None, "only transfers have a reference"
        changed = self.instructions.model_copy(update={"reference": reference})
        return replace(self, instructions=changed)


def judge(
    reference: UUID, amount: Money, seen: ProviderPayment, *, hosted: bool, capturing: bool = False
) -> Verdict:
    """What we make of what the provider says. Another amount or reference than ours is never
    trusted: it counts as a failure. `hosted`: the customer enters the card over there."""
    agreed = seen.amount == amount and seen.reference == str(reference)
    if seen.status == "captured":
        agreed = agreed and seen.captured_minor == amount.minor
    if not agreed:
        failed: Status = "capture_failed" if seen.status == "captured" else "declined"
        return Verdict(failed, decline_code=MISMATCH)
    if seen.status == "captured":
        return Verdict("captured", captured_minor=seen.captured_minor, collect=seen.collect)
    if capturing and seen.status != "authorized":  # which is: not captured yet
        return Verdict("capture_failed", decline_code=seen.decline_code or seen.status)
    if seen.status == "open":
        return Verdict("needs_action", action_url=seen.action_url) if hosted else Verdict("created")
    if seen.status == "declined":
        return Verdict("declined", decline_code=seen.decline_code or "declined")
    if seen.status == "awaiting":
        return Verdict("awaiting", instructions=seen.instructions)
    return Verdict(seen.status, action_url=seen.action_url, collect=seen.collect)


def facts(
    payment_id: UUID,
    reference: UUID,
    purpose: Purpose,
    amount: Money,
    verdict: Verdict,
    *,
    answered: bool = False,
) -> list[Event]:
    """What is announced when, and only when, a payment moves to this state. `answered`: as the
    answer to somebody who goes on with it."""
    about: dict[str, Any] = {
        "payment_id": payment_id,
        "reference": reference,
        "purpose": purpose,
    }
    found: list[Event] = [PaymentUpdated(**about, status=verdict.status, answered=answered)]
    if verdict.status == "captured":
        found.append(PaymentSucceeded(**about, amount=amount))
    if verdict.status in GIVEN_UP:
        code = verdict.decline_code or verdict.status
        found.append(PaymentFailed(**about, decline_code=code))
    return found


def is_stray(ours: Status, theirs: str) -> bool:
    """Money is held or taken over there for a payment that has ended without it here."""
    return ours in ("voided", "declined", "capture_failed") and theirs in ("authorized", "captured")


@lru_cache(maxsize=1000)
def _is_hidden(key: str) -> bool:
    return _HIDDEN.search(key) is not None


def redacted(value: Any, depth: int = 0) -> Any:
    """A message fit to be kept: secrets and what tells who somebody is are replaced."""
    if depth > _DEPTH_MAX:
        return _REDACTED
    if isinstance(value, dict):
        return {
            str(key)[:100]: _REDACTED
            if not isinstance(inner, dict | list) and _is_hidden(str(key))
            else redacted(inner, depth + 1)
            for key, inner in list(value.items())[:100]
        }
    if isinstance(value, list):
        return [redacted(inner, depth + 1) for inner in value[:100]]
    # PostgreSQL keeps no NUL in text.
    return value[:_TEXT_MAX].replace("\0", "") if isinstance(value, str) else value
