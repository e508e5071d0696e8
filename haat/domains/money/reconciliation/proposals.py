"""What to do about a difference: in words, and which contract call does it. Pure."""

from dataclasses import dataclass
from uuid import UUID

from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.payments.api import FundsMatch, Movement
from haat.domains.money.reconciliation.api import Proposal
from haat.domains.money.reconciliation.rules import Found
from haat.kernel.ids import derive
from haat.kernel.money import Money

POSTED = frozenset({"book_fee", "book_difference"})  # what is booked as a transfer
_NAMES = {
    "capture": "payment",
    "refund": "refund",
    "payout": "payout",
    "dispute": "dispute",
    "dispute_won": "won dispute",
    "dispute_fee": "dispute fee",
    "fee": "fee",
    "other": "movement",
}


@dataclass(frozen=True, slots=True)
class Hint:
    """What the bank's side knows of one line: it overrides the proposal that would be made."""

    action: str
    text: str
    target_id: UUID | None = None


def propose(provider: str, found: Found, hint: Hint | None = None) -> Proposal:
    """Never more than a proposal: staff decide."""
    amount = Money(minor=found.minor, currency=found.currency)
    if found.kind == "fee":
        return Proposal(action="book_fee", text=_fee(provider, amount), amount=-amount)
    if hint is not None and found.movement is None:
        return Proposal.model_validate(
            {
                "action": hint.action,
                "text": hint.text,
                "amount": amount,
                "target_id": hint.target_id,
            }
        )
    text = f"{_why(provider, found)} {_booking(provider, amount)}"
    return Proposal(action="book_difference", text=text, amount=amount)


def transfer(id: UUID, provider: str, action: str, difference: Money, reference: UUID) -> Transfer:
    """The correction of the difference `id`: afterwards clearing is higher by `difference`."""
    clearing = Account(kind="clearing", owner=provider_id(provider), currency=difference.currency)
    other = Account(
        kind="fees" if action == "book_fee" else "suspense", currency=difference.currency
    )
    rises = difference.minor > 0
    return Transfer(
        id=derive(id, "correction"),
        debit=clearing if rises else other,
        credit=other if rises else clearing,
        minor=abs(difference.minor),
        code=Code.PROVIDER_FEE if action == "book_fee" else Code.CORRECTION,
        reference=reference,
    )


def of_funds(match: FundsMatch, came: Money) -> Hint | None:
    """A credit of the bank's that paid for nothing by itself."""
    expected = match.expected
    if match.outcome == "wrong_amount" and expected is not None:
        said = f"{_shown(came)} came, {_shown(expected)} are awaited."
        if came.currency != expected.currency or came < expected:
            short = f"{said} Ask the customer for the rest, or send it back."
            return Hint("none", short, match.payment_id)
        return Hint(
            "confirm_transfer",
            f"{said} Confirm the payment; what is too much stays a difference.",
            match.payment_id,
        )
    if match.outcome == "late":
        text = (
            f"{_shown(came)} came for a payment that had ended or was paid already: give it back"
            " to the customer."
        )
        return Hint("refund", text, match.payment_id)
    if match.outcome == "unmatched":
        text = (
            "No awaited transfer is named in its text. When you know whose it is, confirm that"
            " payment; otherwise book it, and it stays in suspense."
            f" {_booking('bank', came)}"
        )
        return Hint("book_difference", text)
    return None


def returned(payout_id: UUID, came: Money, *, waits: bool) -> Hint:
    """A payout's money is on our account again."""
    if waits:
        text = "The bank sent this payout back. Let it fail: its amount returns to the vendor."
        return Hint("fail_payout", text, payout_id)
    text = (
        "The bank sent this payout back after it had been settled as paid. Book it, and give the"
        f" vendor a credit note to pay it out again. {_booking('bank', came)}"
    )
    return Hint("book_difference", text, payout_id)


def went_and_returned(payout_id: UUID) -> Hint:
    text = "This payout went out and came back; the line of its return says what to do."
    return Hint("none", text, payout_id)


def other_amount(payout_id: UUID, went: Money, expected: Money) -> Hint:
    """A debit that names a payout under way, with another amount than the payout's."""
    text = (
        f"{_shown(-went)} went out for a payout of {_shown(expected)}. Settle the payout as paid;"
        " what is left stays a difference."
    )
    return Hint("settle_payout", text, payout_id)


def _why(provider: str, found: Found) -> str:
    line = found.entry.line if found.entry else None
    movement = found.movement
    if line is None:
        assert movement is not None, "a difference is about something"
        ours = f"our {_called(movement)} of {_shown(movement.amount)}"
        return f"{_who(provider)} does not report {ours}. Wait for a later report if it is new."
    amount = _shown(line.amount)
    if found.kind == "status":
        return f"{_who(provider)} reports a {_NAMES[line.kind]} that came back: {amount}."
    if movement is None:
        return f"{_who(provider)} reports a {_NAMES[line.kind]} of {amount} that we do not know."
    return (
        f"{_who(provider)} reports {_shown(_theirs(found))} for our {_called(movement)} of"
        f" {_shown(movement.amount)}."
    )


def _theirs(found: Found) -> Money:
    assert found.entry is not None, "only asked for a pair"
    return Money(minor=found.entry.minor, currency=found.entry.currency)


def _who(provider: str) -> str:
    return "The bank" if provider == "bank" else provider.capitalize()


def _called(movement: Movement) -> str:
    return _NAMES[movement.kind]


def _fee(provider: str, amount: Money) -> str:
    size = _shown(Money(minor=abs(amount.minor), currency=amount.currency))
    if amount.minor > 0:
        return (
            f"{_who(provider)} gave {size} of fees back. Booking it: clearing ({provider}) → fees."
        )
    return f"{_who(provider)} kept {size} of fees. Booking it: fees → clearing ({provider})."


def _booking(provider: str, amount: Money) -> str:
    size = _shown(Money(minor=abs(amount.minor), currency=amount.currency))
    if amount.minor > 0:
        return f"Booking it: {size}, clearing ({provider}) → suspense."
    return f"Booking it: {size}, suspense → clearing ({provider})."


def _shown(amount: Money) -> str:
    return f"{amount.decimal()} {amount.currency}"
