"""What the test card network decides: its cards and accounts, its fees and its state machine.

Everything here is pure. Money is integer minor units of a three-letter currency; every refusal
is a `Refused` with the HTTP status, a stable code and, for bad input, the field at fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeGuard


class Refused(Exception):
    """An answer that is not a success: HTTP `status`, stable `code`, text, field at fault."""

    def __init__(self, status: int, code: str, detail: str, at: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.at = status, code, detail, at


class Status(StrEnum):
    """Where an intent stands. `declined` may be tried again with another card."""

    REQUIRES_PAYMENT = "requires_payment"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"


class Manner(StrEnum):
    """How the answer to a confirmation travels; the charge itself has happened in every case."""

    PROMPT = "prompt"
    DROPPED = "dropped"
    NEVER = "never"
    AFTER_WEBHOOK = "after_webhook"


@dataclass(frozen=True, slots=True)
class Card:
    """A test card and everything it makes the network do. An empty decline code means success."""

    number: str
    about: str
    brand: str = "visa"
    decline: str = ""
    three_ds: bool = False
    three_ds_always: bool = False  # also when it was saved and approved before
    decline_after_3ds: str = ""
    manner: Manner = Manner.PROMPT
    webhook_late: bool = False
    webhook_copies: int = 1
    capture_fails: bool = False
    refund_waits: bool = False
    disputed: bool = False


CARDS: Final = (
    Card("4242424242424242", "Succeeds"),
    Card("5555555555554444", "Succeeds", brand="mastercard"),
    Card("4000000000009995", "Declined: insufficient funds", decline="insufficient_funds"),
    Card("4000000000000069", "Declined: expired card", decline="expired_card"),
    Card("4000000000000127", "Declined: incorrect CVC", decline="incorrect_cvc"),
    Card("4000000000000002", "Declined: do not honor", decline="do_not_honor"),
    Card("4000000000009987", "Declined: lost card", decline="lost_card"),
    Card("4000002500003155", "Asks for 3-D Secure, then succeeds", three_ds=True),
    Card(
        "4000008400001629",
        "Asks for 3-D Secure, then declined although approved",
        three_ds=True,
        decline_after_3ds="insufficient_funds",
    ),
    Card(
        "4000002760003184",
        "Asks for 3-D Secure each time, also when it was saved",
        three_ds=True,
        three_ds_always=True,
    ),
    Card("4000000000005019", "Charged, but the connection drops", manner=Manner.DROPPED),
    Card("4000000000005027", "Charged, but no answer comes", manner=Manner.NEVER),
    Card("4000000000005035", "The webhook comes late", webhook_late=True),
    Card("4000000000005043", "Every webhook comes five times", webhook_copies=5),
    Card("4000000000005050", "The webhook comes first", manner=Manner.AFTER_WEBHOOK),
    Card("4000000000005068", "Authorized, but capture fails", capture_fails=True),
    Card("4000000000005076", "Refunds are pending, then done", refund_waits=True),
    Card("4000000000000259", "Succeeds; disputed some moments after its capture", disputed=True),
)
CARD_BY_NUMBER: Final[Mapping[str, Card]] = MappingProxyType({c.number: c for c in CARDS})


@dataclass(frozen=True, slots=True)
class Account:
    """A test bank account. `failure` is the code of a payout that fails; empty when it is paid."""

    number: str
    about: str
    waits: bool = False
    failure: str = ""


ACCOUNTS: Final = (
    Account("000123456789", "Paid at once"),
    Account("000999999991", "Pending, then paid", waits=True),
    Account("000111111116", "Fails at once: no such account", failure="no_account"),
    Account("000111111113", "Fails at once: account closed", failure="account_closed"),
    Account("000888888883", "Pending, then returned by the bank", True, "could_not_process"),
)
ACCOUNT_BY_NUMBER: Final[Mapping[str, Account]] = MappingProxyType({a.number: a for a in ACCOUNTS})


@dataclass(frozen=True, slots=True)
class Intent:
    """One payment: an amount to authorize, capture and refund. Times are ISO 8601 in UTC."""

    id: str
    amount_minor: int
    currency: str
    reference: str
    created_at: str
    return_url: str = ""
    capture_method: str = "manual"
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: Status = Status.REQUIRES_PAYMENT
    card_number: str = ""
    decline_code: str = ""
    captured_minor: int = 0
    refunded_minor: int = 0
    refund_pending_minor: int = 0
    card_expires: str = ""
    save_for: str = ""  # the customer for whom the card is kept once it succeeds
    saved_method: str = ""

    @property
    def card(self) -> Card | None:
        """The card of the latest confirmation."""
        return CARD_BY_NUMBER.get(self.card_number)


@dataclass(frozen=True, slots=True)
class Refund:
    """Part of a captured intent given back; `status` is pending or succeeded."""

    id: str
    intent_id: str
    amount_minor: int
    currency: str
    status: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Payout:
    """Money sent to a bank account; `status` is pending, paid or failed."""

    id: str
    amount_minor: int
    currency: str
    holder: str
    account: str
    reference: str
    status: str
    created_at: str
    failure_code: str = ""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card kept for a customer of a shop; `expires` is such as 2029-04, or empty."""

    id: str
    customer: str
    number: str
    expires: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """Part of a captured intent that the card holder wants back; `status` is open, won or lost."""

    id: str
    intent_id: str
    amount_minor: int
    currency: str
    fee_minor: int
    reason: str
    status: str
    created_at: str
    evidence_due: str
    closed_at: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the balance: a signed amount, and what the network kept of it."""

    kind: str  # capture, refund, payout, dispute, dispute_won, fee
    subject: str  # the intent, refund, payout or dispute it is about
    intent_id: str
    amount_minor: int
    fee_minor: int
    currency: str
    at: str


@dataclass(frozen=True, slots=True)
class Fees:
    """What the network keeps: of a charge basis points and a fixed part, and of each dispute."""

    charge_bp: int = 0
    charge_minor: int = 0
    dispute_minor: int = 1500

    def of_charge(self, amount_minor: int) -> int:
        """Never more than the charge; half a unit is rounded up."""
        share = (amount_minor * self.charge_bp + 5_000) // 10_000
        return min(amount_minor, share + self.charge_minor)


class Step(NamedTuple):
    """An intent after a rule, and the event to tell about it (None when nothing changed)."""

    intent: Intent
    event: str | None


def confirm(intent: Intent, card: Card, expires: str = "", on_file: bool = False) -> Step:
    """Try a card. The same card on a finished intent answers its state; another one is a 409.

    `on_file`: it was saved after its holder had approved it, so most banks do not ask again.
    """
    standing = intent.status in (Status.AUTHORIZED, Status.CAPTURED, Status.REQUIRES_ACTION)
    if standing and intent.card_number == card.number:
        return Step(intent, None)
    if intent.status in (Status.AUTHORIZED, Status.CAPTURED, Status.VOIDED):
        raise _wrong_state(intent, "confirmed")
    tried = replace(intent, card_number=card.number, card_expires=expires, decline_code="")
    if card.decline:
        return _decline(tried, card.decline)
    if card.three_ds_always or (card.three_ds and not on_file):
        return Step(replace(tried, status=Status.REQUIRES_ACTION), None)
    return _approve(tried, card)


def authenticate(intent: Intent, card: Card, approved: bool) -> Step:
    """Finish 3-D Secure as the card holder did. The same outcome again changes nothing."""
    if intent.status is Status.REQUIRES_ACTION:
        if not approved:
            return _decline(intent, "authentication_failed")
        if card.decline_after_3ds:
            return _decline(intent, card.decline_after_3ds)
        return _approve(intent, card)
    if intent.status is Status.DECLINED and card.three_ds:
        was_refused = intent.decline_code == "authentication_failed"
        if approved is not was_refused:
            return Step(intent, None)
    if intent.status in (Status.AUTHORIZED, Status.CAPTURED) and card.three_ds and approved:
        return Step(intent, None)
    raise _wrong_state(intent, "authenticated")


def capture(intent: Intent, amount_minor: int) -> Step:
    """Take at most the authorized amount, once; what is not taken is released."""
    if intent.status is Status.CAPTURED and intent.captured_minor == amount_minor:
        return Step(intent, None)
    if intent.status is not Status.AUTHORIZED:
        raise _wrong_state(intent, "captured")
    if amount_minor > intent.amount_minor:
        detail = f"Only {intent.amount_minor} is authorized."
        raise Refused(422, "amount_too_large", detail, "amountMinor")
    if intent.card and intent.card.capture_fails:
        raise Refused(402, "capture_failed", "The authorization has expired at the bank.")
    taken = replace(intent, status=Status.CAPTURED, captured_minor=amount_minor)
    return Step(taken, "intent.captured")


def void(intent: Intent) -> Step:
    """Give up an intent that is not captured; the bank releases what it held."""
    if intent.status is Status.VOIDED:
        return Step(intent, None)
    if intent.status is Status.CAPTURED:
        raise _wrong_state(intent, "voided")
    return Step(replace(intent, status=Status.VOIDED), "intent.voided")


def refund(intent: Intent, amount_minor: int) -> Step:
    """Give back part of what was captured; pending refunds count against the rest."""
    if intent.status is not Status.CAPTURED:
        raise _wrong_state(intent, "refunded")
    left = intent.captured_minor - intent.refunded_minor - intent.refund_pending_minor
    if amount_minor > left:
        raise Refused(422, "refund_too_large", f"Only {left} is left to refund.", "amountMinor")
    if intent.card and intent.card.refund_waits:
        waiting = intent.refund_pending_minor + amount_minor
        return Step(replace(intent, refund_pending_minor=waiting), None)
    done = replace(intent, refunded_minor=intent.refunded_minor + amount_minor)
    return Step(done, "intent.refunded")


def settle_refund(intent: Intent, amount_minor: int) -> Step:
    """Turn a pending refund into a done one."""
    done = replace(
        intent,
        refund_pending_minor=intent.refund_pending_minor - amount_minor,
        refunded_minor=intent.refunded_minor + amount_minor,
    )
    return Step(done, "intent.refunded")


def may_dispute(intent: Intent, amount_minor: int, disputed_minor: int) -> None:
    """Refuse a dispute over more than was captured and is neither refunded nor disputed yet."""
    if intent.status is not Status.CAPTURED:
        raise _wrong_state(intent, "disputed")
    given_back = intent.refunded_minor + intent.refund_pending_minor
    left = intent.captured_minor - given_back - disputed_minor
    if amount_minor > left:
        raise Refused(422, "dispute_too_large", f"Only {left} is left to dispute.", "amountMinor")


def pay_out(payout: Payout) -> Payout:
    """A new payout as the bank answers it: paid, pending or failed, by its account."""
    account = ACCOUNT_BY_NUMBER.get(payout.account)
    return payout if account and account.waits else settle_payout(payout)


def settle_payout(payout: Payout) -> Payout:
    """A payout when the bank has decided. Accounts outside the table are paid."""
    account = ACCOUNT_BY_NUMBER.get(payout.account)
    if account and account.failure:
        return replace(payout, status="failed", failure_code=account.failure)
    return replace(payout, status="paid")


def _approve(intent: Intent, card: Card) -> Step:
    if intent.capture_method == "manual":
        return Step(replace(intent, status=Status.AUTHORIZED), "intent.authorized")
    if card.capture_fails:
        return _decline(intent, "do_not_honor")
    taken = replace(intent, status=Status.CAPTURED, captured_minor=intent.amount_minor)
    return Step(taken, "intent.captured")


def _decline(intent: Intent, code: str) -> Step:
    return Step(replace(intent, status=Status.DECLINED, decline_code=code), "intent.declined")


def _wrong_state(intent: Intent, verb: str) -> Refused:
    return Refused(409, "intent_state", f"An intent that is {intent.status} cannot be {verb}.")


def card_of(number: str, at: str = "number") -> Card:
    """The test card of a number typed with or without spaces; anything else is refused.

    A valid number outside the table may be somebody's real card, so it is never kept.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and _luhn(digits)):
        raise Refused(422, "invalid_number", "This is not a card number.", at)
    card = CARD_BY_NUMBER.get(digits)
    if card is None:
        detail = "This is not one of the test cards. Never type a real card here."
        raise Refused(422, "not_a_test_card", detail, at)
    return card


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(int(d) for d in reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def check_expiry(month: object, year: object, cvc: object, today: datetime) -> None:
    """Accept any month that is not over and any CVC of three or four digits."""
    if not (is_int(month) and 1 <= month <= 12):
        raise Refused(422, "invalid_expiry", "The month is 1 to 12.", "expMonth")
    if not (is_int(year) and 2000 <= year <= 2999):
        raise Refused(422, "invalid_expiry", "The year has four digits.", "expYear")
    if (year, month) < (today.year, today.month):
        raise Refused(422, "invalid_expiry", "The card's expiry is in the past.", "expYear")
    if not (isinstance(cvc, str) and re.fullmatch(r"[0-9]{3,4}", cvc)):
        raise Refused(422, "invalid_cvc", "The CVC has three or four digits.", "cvc")


def is_int(value: object) -> TypeGuard[int]:
    """True for whole numbers; JSON's true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)
