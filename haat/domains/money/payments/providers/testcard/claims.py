"""Disputes of card holders, and the report of what moved on a shop's balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from . import network as net
from .desk import Desk, Doc, Outcome, iso
from .fields import ident, minor, text
from .network import Dispute, Intent, Line, Refused

_EVIDENCE: Final = timedelta(days=7)
_PAGE: Final = 100
_REASON: Final = "fraudulent"


class Claims:
    """Use cases like those of the desk, which calls `fall_due` when a card's dispute is due."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._books = desk, desk.store.books
        desk.dispute_due = self.fall_due

    def fall_due(self, intent_id: str) -> None:
        """The holder of a card that disputes does so, over all that was not given back yet."""
        intent = self._desk.intent(intent_id)
        given_back = intent.refunded_minor + intent.refund_pending_minor
        left = intent.captured_minor - given_back - self._books.disputed_minor(intent_id)
        if left > 0:
            self._open(f"dp_{uuid4().hex}", intent, left, _REASON)

    def open(self, id: str, body: Mapping[str, object]) -> Outcome:
        """Dispute an intent: all that is left of it, or `amountMinor`. The same dispute id with
        the same content changes nothing."""
        intent = self._desk.intent(id)
        dispute_id = ident(body) if "id" in body else f"dp_{uuid4().hex}"
        reason = text(body, "reason", 60) if "reason" in body else _REASON
        disputed = self._books.disputed_minor(id)
        amount_minor = intent.captured_minor - intent.refunded_minor - disputed
        if "amountMinor" in body:
            amount_minor = minor(body, "amountMinor")
        standing = self._books.dispute(dispute_id)
        if standing is not None:
            asked = standing.amount_minor if "amountMinor" not in body else amount_minor
            if (standing.intent_id, standing.amount_minor) != (id, asked):
                raise Refused(409, "id_taken", "This id belongs to another dispute.", "id")
            return Outcome(_dispute_doc(standing))
        net.may_dispute(intent, max(1, amount_minor), disputed)
        return Outcome(_dispute_doc(self._open(dispute_id, intent, amount_minor, reason)), 201)

    def _open(self, id: str, intent: Intent, amount_minor: int, reason: str) -> Dispute:
        now, fee_minor = self._desk.now(), self._desk.fees.dispute_minor
        dispute = Dispute(
            id=id,
            intent_id=intent.id,
            amount_minor=amount_minor,
            currency=intent.currency,
            fee_minor=fee_minor,
            reason=reason,
            status="open",
            created_at=iso(now),
            evidence_due=iso(now + _EVIDENCE),
        )
        self._books.put_dispute(dispute)
        self._desk.book("dispute", id, intent, -amount_minor)
        if fee_minor:
            self._desk.book("fee", id, intent, -fee_minor)
        self._tell("dispute.opened", dispute)
        return dispute

    def close(self, id: str, body: Mapping[str, object]) -> Outcome:
        """Decide it: won gives the amount back to the shop. The same outcome again is harmless."""
        standing, outcome = self._dispute(id), body.get("outcome")
        if outcome not in ("won", "lost"):
            raise Refused(422, "invalid", "Expected won or lost.", "outcome")
        if standing.status == outcome:
            return Outcome(_dispute_doc(standing))
        if standing.status != "open":
            detail = f"The dispute is {standing.status} already."
            raise Refused(409, "dispute_state", detail)
        closed = replace(standing, status=str(outcome), closed_at=iso(self._desk.now()))
        self._books.put_dispute(closed)
        if outcome == "won":
            intent = self._desk.intent(closed.intent_id)
            self._desk.book("dispute_won", id, intent, closed.amount_minor)
        self._tell(f"dispute.{outcome}", closed)
        return Outcome(_dispute_doc(closed))

    def dispute(self, id: str) -> Doc:
        """The dispute as clients see it, or 404."""
        return _dispute_doc(self._dispute(id))

    def transactions(self, query: Mapping[str, str]) -> Doc:
        """Lines of the balance with since <= at < until, oldest first, 100 at a time."""
        since, until = _moment(query, "since", "0001"), _moment(query, "until", "9999")
        cursor = query.get("cursor", "0")
        if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
            raise Refused(422, "invalid", "Expected the cursor of the page before.", "cursor")
        found = self._books.lines(since, until, int(cursor), _PAGE + 1)
        onward = str(found[_PAGE - 1][0]) if len(found) > _PAGE else None
        return {"items": [_line_doc(seq, one) for seq, one in found[:_PAGE]], "next": onward}

    def _dispute(self, id: str) -> Dispute:
        found = self._books.dispute(id)
        if found is None:
            raise Refused(404, "not_found", "There is no such dispute.")
        return found

    def _tell(self, type: str, dispute: Dispute) -> None:
        self._desk.tell(type, dispute.intent_id, {"object": _dispute_doc(dispute)})


def _dispute_doc(d: Dispute) -> Doc:
    return {
        "id": d.id,
        "intentId": d.intent_id,
        "amount": {"minor": d.amount_minor, "currency": d.currency},
        "fee": {"minor": d.fee_minor, "currency": d.currency},
        "reason": d.reason,
        "status": d.status,
        "evidenceDueAt": d.evidence_due,
        "createdAt": d.created_at,
        "closedAt": d.closed_at or None,
    }


def _line_doc(seq: int, line: Line) -> Doc:
    return {
        "id": f"txn_{seq}",
        "kind": line.kind,
        "subject": line.subject,
        "intentId": line.intent_id or None,
        "amount": {"minor": line.amount_minor, "currency": line.currency},
        "fee": {"minor": line.fee_minor, "currency": line.currency},
        "at": line.at,
    }


def _moment(query: Mapping[str, str], name: str, otherwise: str) -> str:
    """An ISO 8601 moment as lines keep it; `otherwise` when it is not given."""
    if not query.get(name):
        return otherwise
    try:
        moment = datetime.fromisoformat(query[name])
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return iso(moment)
    except (ValueError, OverflowError):
        raise Refused(422, "invalid", "Expected a moment with its zone.", name) from None
