"""The test card network, as docs/test-cards.md describes it, over HTTP."""

import hmac
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    ProviderAway,
    ReportLine,
    SignatureInvalid,
)
from haat.domains.money.payments.providers.port import (
    CALL_S,
    Ask,
    Kind,
    ProviderDispute,
    ProviderEvent,
    ProviderMethod,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.domains.money.payments.providers.signatures import secret_of, verify
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import Answer, HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_STATES: Mapping[
    str, Literal["open", "needs_action", "authorized", "captured", "declined", "voided"]
] = {
    "requires_payment": "open",
    "requires_action": "needs_action",
    "authorized": "authorized",
    "captured": "captured",
    "declined": "declined",
    "voided": "voided",
}
_REFUNDS: Mapping[str, Literal["pending", "done", "failed"]] = {
    "pending": "pending",
    "succeeded": "done",
    "failed": "failed",
}
_PAYOUTS: Mapping[str, Literal["paid", "pending", "failed"]] = {
    "paid": "paid",
    "pending": "pending",
    "failed": "failed",
}
_DISPUTES: Mapping[str, Literal["open", "won", "lost"]] = {
    "open": "open",
    "won": "won",
    "lost": "lost",
}
_GONE = 404
_CONFLICT = 409


class TestCards:
    """Intents with manual capture. Our ids are its ids."""

    __test__ = False  # pytest: not a test class
    name = "test"
    label = "Test card"
    kind: ClassVar[Kind] = "card"
    disburses = True
    test_mode = True
    publishable_key = ""

    def __init__(self, settings: PaymentsSettings, http: HttpClient) -> None:
        self._url = settings.testcard_url.rstrip("/")
        self._public_url = (settings.testcard_public_url or self._url).rstrip("/")
        self._secret_file = settings.testcard_secret_file
        self._webhook_url = (
            settings.testcard_webhook_url
            or f"http://127.0.0.1:{settings.port}/api/v1/payments/webhook/{self.name}"
        )
        self._http = http
        self._registered = False
        self._known: tuple[tuple[int, int, int], str] | None = None  # the key, and which file's

    @property
    def token_url(self) -> str:
        return f"{self._public_url}/tokens"

    async def register(self, ctx: Context) -> None:
        secret = secret_of(self._webhook_key())
        body = {"url": self._webhook_url, "secret": secret}
        await self._call(ctx, "POST", "/webhook-endpoints", body)
        self._registered = True

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        await self._introduce(ctx)
        body: dict[str, Any] = {
            "id": str(ask.id),
            "amount": ask.amount.model_dump(),
            "reference": str(ask.reference),
        }
        if ask.return_url:
            body["returnUrl"] = ask.return_url
        if ask.save:
            body["saveFor"] = ask.customer_ref or f"cus_{ask.person_id}"
        means = {"token": ask.token}
        if ask.saved_ref is not None:
            means = {"savedMethod": ask.saved_ref, "customer": ask.customer_ref}
        if None not in means.values():
            # Tried in the same call; another amount or reference under this id is refused there.
            body["confirm"] = means
        return _payment(await self._call(ctx, "POST", "/intents", body))

    async def forget(self, ctx: Context, method: ProviderMethod) -> None:
        await self._call(ctx, "DELETE", f"/saved-methods/{method.ref}", {})

    async def report(
        self, ctx: Context, since: datetime, until: datetime, cursor: str | None
    ) -> tuple[list[ReportLine], str | None]:
        query = {"since": since.isoformat(), "until": until.isoformat(), "cursor": cursor or "0"}
        answer = await self._send(ctx, "GET", f"/balance/transactions?{urlencode(query)}", None)
        doc = _doc(answer)
        try:
            return [_line(one) for one in doc["items"]], doc["next"]
        except (KeyError, ValueError, TypeError):
            raise ProviderAway("The provider's answer cannot be read.") from None

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        doc = await self._find(ctx, f"/intents/{id}")
        return _payment(doc) if doc is not None else None

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        return await self._end(ctx, id, "capture")

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        return await self._end(ctx, id, "void")

    async def _end(self, ctx: Context, id: UUID, verb: str) -> ProviderPayment | None:
        answer = await self._send(ctx, "POST", f"/intents/{id}/{verb}", {})
        if answer.status in (_GONE, _CONFLICT):
            return await self.read(ctx, id)
        return _payment(_doc(answer))

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        body = {"id": str(refund_id), "amountMinor": amount.minor}
        return _refund(await self._call(ctx, "POST", f"/intents/{payment_id}/refunds", body))

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        await self._introduce(ctx)
        body = {
            "id": str(id),
            "amount": amount.model_dump(),
            "destination": destination.model_dump(),
            "reference": str(id),
        }
        return _payout(await self._call(ctx, "POST", "/payouts", body))

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        doc = await self._find(ctx, f"/payouts/{id}")
        return _payout(doc) if doc is not None else None

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        event_id = verify(self._webhook_key(), headers, body, now)
        try:
            doc = json.loads(body)
            kind = str(doc["type"])
            data = doc["data"]
            subject = _subject(kind, data["object"])
            refund = _refund(data["refund"]) if subject and "refund" in data else None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SignatureInvalid("The message cannot be read.") from None
        return ProviderEvent(event_id, kind, doc, subject, refund)

    async def _introduce(self, ctx: Context) -> None:
        """Before the first thing it would tell us about."""
        if not self._registered:
            # Refused, everything works all the same; we would only hear of it by asking.
            with suppress(ProviderRefused):
                await self.register(ctx)

    async def _find(self, ctx: Context, path: str) -> dict[str, Any] | None:
        answer = await self._send(ctx, "GET", path, None)
        return None if answer.status == _GONE else _doc(answer)

    async def _call(
        self, ctx: Context, method: str, path: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        return _doc(await self._send(ctx, method, path, body))

    async def _send(
        self, ctx: Context, method: str, path: str, body: dict[str, Any] | None
    ) -> Answer:
        """One call. No idempotency key: the ids in path and body already name the same thing, and
        a kept answer would hide what has happened to it since."""
        try:
            answer = await self._http.request(
                ctx,
                method,
                self._url + path,
                json=body,
                headers={"authorization": f"Bearer {self._key()}"},
                idempotent=True,
                timeout_s=CALL_S,
            )
        except Unavailable as error:
            raise ProviderAway from error
        if answer.status >= 500 or answer.status in (401, 429):
            _log.error("provider_away", provider=self.name, status=answer.status)
            raise ProviderAway
        return answer

    def _key(self) -> str:
        """Read again only when the file is another one: it stands on every payment's path."""
        try:
            assert self._secret_file is not None, "HAAT_TESTCARD_SECRET_FILE is not set"
            found = os.stat(self._secret_file)
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._known is None or self._known[0] != version:
                self._known = (version, self._secret_file.read_text("ascii").strip())
            return self._known[1]
        except (OSError, ValueError) as error:
            raise ProviderAway("The test card network has no key yet.") from error

    def _webhook_key(self) -> bytes:
        """Follows from the bearer key, so that every process of ours knows the same one."""
        return _webhook_key_of(self._key())


@lru_cache(maxsize=4)
def _webhook_key_of(key: str) -> bytes:
    return hmac.digest(key.encode(), b"haat webhook endpoint", sha256)


def _doc(answer: Answer) -> dict[str, Any]:
    try:
        doc = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ProviderAway("The provider's answer cannot be read.") from None
    if not isinstance(doc, dict):
        raise ProviderAway("The provider's answer cannot be read.")
    if not answer.ok:
        raise ProviderRefused(str(doc.get("code", answer.status))[:60], str(doc.get("detail", "")))
    return doc


def _subject(
    kind: str, doc: dict[str, Any]
) -> ProviderPayment | ProviderPayout | ProviderDispute | None:
    try:
        if kind.startswith("intent."):
            return _payment(doc)
        if kind.startswith("dispute."):
            return _dispute(doc)
        return _payout(doc) if kind.startswith("payout.") else None
    except ProviderAway:
        return None  # not one of our ids: another shop may use the same network


def _payment(doc: dict[str, Any]) -> ProviderPayment:
    try:
        action = doc.get("nextAction") or {}
        status = _STATES[doc["status"]]
        return ProviderPayment(
            id=UUID(doc["id"]),
            ref=str(doc["id"]),
            reference=str(doc["reference"]),
            amount=Money.model_validate(doc["amount"]),
            status=status,
            captured_minor=int(doc["capturedMinor"]),
            action_url=str(doc["payUrl"]) if status == "open" else action.get("url"),
            decline_code=doc.get("declineCode"),
            saved=_saved(doc["savedMethod"]) if doc.get("savedMethod") else None,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise ProviderAway("The provider's answer cannot be read.") from None


def _saved(doc: dict[str, Any]) -> ProviderMethod:
    label = f"{str(doc['brand']).capitalize()} •••• {doc['last4']}"
    return ProviderMethod(str(doc["id"]), str(doc["customer"]), label, doc.get("expires"))


def _dispute(doc: dict[str, Any]) -> ProviderDispute:
    try:
        return ProviderDispute(
            ref=str(doc["id"]),
            payment_id=UUID(doc["intentId"]),
            payment_ref=str(doc["intentId"]),
            amount=Money.model_validate(doc["amount"]),
            fee=Money.model_validate(doc["fee"]),
            reason=str(doc["reason"])[:60],
            status=_DISPUTES[doc["status"]],
            evidence_due=datetime.fromisoformat(doc["evidenceDueAt"]),
        )
    except (KeyError, ValueError, TypeError):
        raise ProviderAway("The provider's answer cannot be read.") from None


def _line(doc: dict[str, Any]) -> ReportLine:
    """Its ids of intents, refunds and payouts are ours; those of disputes are its own."""
    subject: str = doc["subject"]
    ours = doc["kind"] in ("capture", "refund", "payout") and _is_ours(subject)
    return ReportLine(
        id=doc["id"],
        kind=doc["kind"],
        provider_ref=subject,
        our_id=UUID(subject) if ours else None,
        amount=Money.model_validate(doc["amount"]),
        fee=Money.model_validate(doc["fee"]),
        at=datetime.fromisoformat(doc["at"]),
    )


def _is_ours(id: str) -> bool:
    try:
        UUID(id)
    except ValueError:
        return False  # another shop may use the same network
    return True


def _refund(doc: dict[str, Any]) -> ProviderRefund:
    try:
        return ProviderRefund(
            id=UUID(doc["id"]),
            payment_id=UUID(doc["intentId"]),
            amount=Money.model_validate(doc["amount"]),
            status=_REFUNDS[doc["status"]],
            ref=str(doc["id"]),
        )
    except (KeyError, ValueError, TypeError):
        raise ProviderAway("The provider's answer cannot be read.") from None


def _payout(doc: dict[str, Any]) -> ProviderPayout:
    try:
        return ProviderPayout(
            id=UUID(doc["id"]),
            ref=str(doc["id"]),
            amount=Money.model_validate(doc["amount"]),
            status=_PAYOUTS[doc["status"]],
            failure=doc.get("failureCode"),
        )
    except (KeyError, ValueError, TypeError):
        raise ProviderAway("The provider's answer cannot be read.") from None
