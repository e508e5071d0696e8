"""Drills on a provider's messages: one that comes many times, and forged ones."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.app.doctor.cards import ASKS, Message
from haat.app.doctor.findings import Broken, Notes, until
from haat.app.doctor.ward import Bought, Ward
from haat.domains.money.payments.api import Payment, Payments

AT_ONCE = 5
OLD = timedelta(minutes=10)
HEARING = "payments.webhook (haat/domains/money/payments/service/hearing.py)"
SIGNATURES = "haat/domains/money/payments/providers/signatures.py"


async def double(ward: Ward, notes: Notes) -> None:
    """The same signed message twice, five times at once, and again when all is over."""
    checkout, payment = await _asked(ward, "double", "hooks")
    await ward.cards.answer(payment.id, "approve")
    intent = await ward.cards.intent(payment.id)
    message = ward.cards.message("intent.authorized", intent, ward.runtime.clock.now())
    answers = [(await ward.webhook(message)).status for _ in range(2)]
    at_once = await asyncio.gather(*(ward.webhook(message) for _ in range(AT_ONCE)))
    answers += [answer.status for answer in at_once]
    notes.saw(f"one message handed over 2 times and {AT_ONCE} times at once: {_told(answers)}")
    await _placed(ward, checkout)
    await ward.paid([checkout])
    again = [(await ward.webhook(message)).status for _ in range(2)]
    notes.saw(f"2 times more when it was paid: {_told(again)}")
    wrong = [status for status in [*answers, *again] if not 200 <= status < 300]
    if wrong:
        raise Broken(
            f"a message that had come before was answered {_told(wrong)}, so its provider sends it"
            f" again and again: look at {HEARING}"
        )
    await _one_effect(ward, notes, payment, message[0]["webhook-id"])


async def _one_effect(ward: Ward, notes: Notes, before: Payment, event: str) -> None:
    kept = await _kept(ward, before.id, event)
    payment = await ward.payment(before.reference)
    charged = await ward.cards.charged([payment.id])
    entries = [
        entry.what for order in await ward.orders([before.reference]) for entry in order.timeline
    ]
    paid = Counter(entries)["paid"]
    notes.saw(f"kept {kept} time, paid {paid} time, charged {charged} of {payment.amount.minor}")
    if kept != 1:
        raise Broken(
            f"one message, handed over several times, was kept {kept} times: a message is not known"
            f" again by its id; look at {HEARING}"
        )
    if payment.status != "captured" or paid != 1:
        raise Broken(
            f"an old message that came again moved its payment: it is {payment.status}, its order"
            f" was paid {paid} times; look at {HEARING}"
        )
    if charged != payment.amount.minor:
        raise Broken(f"charged {charged} for an order of {payment.amount.minor}; look at {HEARING}")


async def forged(ward: Ward, notes: Notes) -> None:
    """Messages that nobody but the provider may send, sent by somebody else."""
    checkout, payment = await _asked(ward, "forged", "hooks")
    await ward.cards.answer(payment.id, "fail")  # so nothing is there for who believes a forgery
    for words, message in (await _forgeries(ward, payment)).items():
        answer = await ward.webhook(message)
        problem = answer.problem()
        code = problem.code if problem is not None else ""
        notes.saw(f"{words}: {answer.status} {code}".rstrip())
        if 200 <= answer.status < 300:
            raise Broken(f"a message with {words} was believed: look at {SIGNATURES}")
        if code != "webhook_signature_invalid":
            raise Broken(
                f"a message with {words} was answered {answer.status} {code}: look at {HEARING}"
            )
        after = await ward.payment(checkout)
        kept = await _kept(ward, payment.id, message[0].get("webhook-id", ""))
        if after.status != payment.status or kept:
            raise Broken(
                f"a message with {words} was refused, but the payment went from {payment.status} to"
                f" {after.status} and {kept} messages were kept: look at {HEARING}"
            )
    notes.saw(f"the payment is {payment.status} as before, nothing was kept")
    await _declined(ward, checkout, payment.id)
    notes.saw("a real message, that the card was declined, counts")


async def _forgeries(ward: Ward, payment: Payment) -> Mapping[str, Message]:
    """Each says that the money is held, while the card holder has refused."""
    now = ward.runtime.clock.now()
    intent = {**await ward.cards.intent(payment.id), "status": "authorized"}
    intent.pop("declineCode", None)
    kind = "intent.authorized"

    def other(headers: Mapping[str, str], **changed: str | None) -> dict[str, str]:
        found = {**headers, **{k.replace("_", "-"): v for k, v in changed.items()}}
        return {name: value for name, value in found.items() if value is not None}

    headers, body = ward.cards.message(kind, intent, now)
    stolen = ward.cards.signed(headers["webhook-id"], body, now, b"not the key that we share")
    real = ward.cards.message(kind, {**intent, "status": "requires_action"}, now)
    swapped = ward.cards.message(kind, intent, now)[0]
    return {
        "a signature by another key": (stolen, body),
        "a body changed after signing": (real[0], _as(body, real[0]["webhook-id"])),
        "a signature ten minutes old": ward.cards.message(kind, intent, now - OLD),
        "another message's signature": (
            other(headers, webhook_signature=swapped["webhook-signature"]),
            body,
        ),
        "no signature": (other(headers, webhook_signature=None), body),
    }


def _as(body: bytes, event: str) -> bytes:
    document: dict[str, Any] = json.loads(body)
    return json.dumps({**document, "id": event}).encode()


async def _declined(ward: Ward, checkout: UUID, payment: UUID) -> None:
    """The real message, which ends the checkout."""
    answer = await ward.refuse(payment)
    if not answer.ok:
        raise Broken(f"a real message was answered {answer.status}: look at {SIGNATURES}")

    async def declined() -> bool:
        return (await ward.payment(checkout)).status == "declined"

    await until(
        declined, ward.patience_s, lambda: "a real message about a declined card changed nothing"
    )


async def _asked(ward: Ward, label: str, offer: str) -> tuple[UUID, Payment]:
    """A checkout that waits for 3-D Secure, and its payment."""
    bought = await ward.outcome(await ward.buy(label, offer, ASKS))
    if bought.code != "needs_action" or bought.checkout_id is None:
        raise Broken(f"a card that asks for 3-D Secure was answered {bought.told()}")
    return bought.checkout_id, await ward.payment(bought.checkout_id)


async def _placed(ward: Ward, checkout: UUID) -> None:
    """Nobody but the messages moves it on."""

    async def there() -> Bought | None:
        return Bought(200, {"status": "placed"}) if await ward.orders([checkout]) else None

    await until(
        there,
        ward.patience_s,
        lambda: f"a signed message that the money is held made no order: look at {HEARING}",
    )


async def _kept(ward: Ward, payment: UUID, event: str) -> int:
    """How often a message with this id was kept."""
    payments: Payments = ward.runtime.inner[Payments]
    raw = await payments.raw(ward.system(), payment_id=payment)
    return sum(one["payload"].get("id") == event for one in raw)


def _told(statuses: list[int]) -> str:
    return ", ".join(f"{n} × {status}" for status, n in Counter(statuses).most_common())
