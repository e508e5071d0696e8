"""Stripe, as docs.stripe.com/api describes it, over HTTP."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    ProviderAway,
    ReportLine,
    SignatureInvalid,
)
from haat.domains.money.payments.providers.port import (
    Ask,
    ProviderAccount,
    ProviderEvent,
    ProviderMethod,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.domains.money.payments.providers.stripe import forms, shapes
from haat.domains.money.payments.providers.stripe.client import Reply, StripeApi, path_of
from haat.domains.money.payments.providers.stripe.events import event_of
from haat.domains.money.payments.providers.stripe.reports import line_of
from haat.domains.money.payments.providers.stripe.signatures import verify
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.ids import derive
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_CHARGE_S = 10.0  # banks are asked in between, and take their time
_GONE = 404
_MISUSED = 400
_INTENTS, _SESSIONS, _CARD = "payment_intents", "checkout/sessions", {"expand[0]": "payment_method"}
_PAGE = 100


class Stripe:
    """Our id is the idempotency key and stands in the metadata and as the transfer group. Keys are
    forgotten after a day; what a step may have made before is therefore looked for first, in lists
    that are always up to date."""

    name = "stripe"
    label = "Card (Stripe)"
    kind: ClassVar[Literal["card", "redirect", "bank_transfer", "on_delivery", "recorded"]] = (
        "redirect"  # without a token; pages that load Stripe.js bring one
    )
    disburses = True

    def __init__(self, settings: PaymentsSettings, http: HttpClient) -> None:
        key = settings.stripe_secret_key
        self._api = StripeApi(settings.stripe_url, key, http)
        self._webhook_secret = settings.stripe_webhook_secret
        self._country = settings.stripe_connect_country
        self.publishable_key = settings.stripe_publishable_key
        self.test_mode = key.get_secret_value().startswith(("sk_test_", "rk_test_"))

    @property
    def token_url(self) -> str:
        """Where a customer without a token gives the card. Tokens are made by Stripe.js, which
        needs the publishable key only."""
        return "https://checkout.stripe.com"

    async def register(self, ctx: Context) -> None:
        """Only looks whether messages could be believed: an endpoint is added by hand, because one
        made over the API has another secret than the one we were given."""
        if not self._secrets():
            _log.warning("webhook_secret_missing", provider=self.name)

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        hosted = ask.token is None and ask.saved_ref is None
        customer = await self._customer(ctx, ask)
        # One key for both ways: Stripe refuses it for the second, so only one of them can be paid.
        key = str(ask.id)
        if hosted:
            form, path = forms.session_form(ask, customer), f"/v1/{_SESSIONS}"
            reply = await self._api.post(ctx, path, form, key=key)
        else:
            form, path = forms.intent_form(ask, customer), f"/v1/{_INTENTS}"
            reply = await self._api.post(ctx, path, form, key=key, timeout_s=_CHARGE_S)
        return await self._held(ctx, ask, reply)

    async def _held(self, ctx: Context, ask: Ask, reply: Reply) -> ProviderPayment:
        # A declined card is an error that carries the intent.
        doc = reply.doc if reply.ok else reply.error.get("payment_intent")
        if isinstance(doc, dict):
            if reply.replayed:
                doc = await self._object(ctx, str(doc["id"])) or doc
            return _seen(doc)
        if reply.error.get("type") == "idempotency_error":
            # Begun before in another way, or with another card: that one stands.
            found = await self.read(ctx, ask.id)
            if found is not None:
                return found
        raise reply.refused()

    async def _customer(self, ctx: Context, ask: Ask) -> str | None:
        """Only who keeps or uses a kept card is a customer there."""
        if ask.customer_ref or not ask.save or ask.person_id is None:
            return ask.customer_ref
        form = forms.customer_form(ask.person_id)
        key = str(derive(ask.person_id, "stripe customer"))
        made = (await self._api.post(ctx, "/v1/customers", form, key=key)).done()
        return shapes.ref_of(made)

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        doc = await self._located(ctx, id, ref)
        return _seen(doc) if doc is not None else None

    async def _located(self, ctx: Context, id: UUID, ref: str | None) -> dict[str, Any] | None:
        """The intent, or the session while it has none."""
        if ref is not None:
            return await self._object(ctx, ref)
        params = {"transfer_group": str(id), "limit": "1"}
        charges = await self._list(ctx, "/v1/charges", params)
        intent = shapes.ref_of(charges[0].get("payment_intent")) if charges else ""
        if intent:
            return await self._object(ctx, intent)
        # No card was tried yet. The search finds what is a minute old, as a rule.
        query = {"query": f"metadata['{shapes.PAYMENT}']:'{id}'", "limit": "1"}
        reply = await self._api.get(ctx, f"/v1/{_INTENTS}/search", query)
        if not reply.ok:
            _log.warning("stripe_search_refused", code=reply.refused().code)
            return None
        found = _items(reply)
        return await self._object(ctx, shapes.ref_of(found[0])) if found else None

    async def _object(self, ctx: Context, ref: str) -> dict[str, Any] | None:
        if not ref.startswith("cs_"):
            return await self._find(ctx, path_of(_INTENTS, ref), _CARD)
        expand = {"expand[0]": "payment_intent.payment_method"}
        return await self._find(ctx, path_of(_SESSIONS, ref), expand)

    async def _intent(self, ctx: Context, id: UUID, ref: str | None) -> str | None:
        """The intent's reference, asked for only where we do not know it."""
        if ref is not None and ref.startswith("pi_"):
            return ref
        doc = await self._located(ctx, id, ref)
        if doc is None:
            return None
        return shapes.ref_of(doc if _is_intent(doc) else doc.get("payment_intent")) or None

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        intent = await self._intent(ctx, id, ref)
        if intent is None:
            return None
        path = path_of(_INTENTS, intent, "capture")
        reply = await self._api.post(ctx, path, _CARD, timeout_s=_CHARGE_S)
        if reply.ok:
            return _seen(reply.doc)
        now = await self.read(ctx, id, ref=intent)
        if now is not None and now.status == "authorized":
            raise reply.refused()
        return now

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        if ref is None or not ref.startswith("pi_"):
            doc = await self._located(ctx, id, ref)
            if doc is None:
                return None
            if not _is_intent(doc) and doc.get("status") == "open":
                return await self._expire(ctx, id, shapes.ref_of(doc))
            intent = shapes.ref_of(doc if _is_intent(doc) else doc.get("payment_intent"))
            if not intent:
                return _seen(doc)
        else:
            intent = ref
        reply = await self._api.post(ctx, path_of(_INTENTS, intent, "cancel"), _CARD)
        if reply.ok:
            return _seen(reply.doc)
        now = await self.read(ctx, id, ref=intent)
        if now is None or now.status in ("captured", "voided"):
            return now
        # Within a session that may still be paid, only the session can be ended.
        params = {"payment_intent": intent, "status": "open", "limit": "1"}
        sessions = await self._list(ctx, f"/v1/{_SESSIONS}", params)
        if not sessions:
            raise reply.refused()
        return await self._expire(ctx, id, shapes.ref_of(sessions[0]))

    async def _expire(self, ctx: Context, id: UUID, session: str) -> ProviderPayment | None:
        reply = await self._api.post(ctx, path_of(_SESSIONS, session, "expire"), {})
        # Refused, it was paid or had expired at that very moment.
        return _seen(reply.doc) if reply.ok else await self.read(ctx, id, ref=session)

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        intent = await self._intent(ctx, payment_id, ref)
        if intent is None:
            raise ProviderRefused("payment_unknown")
        params = {"payment_intent": intent, "limit": str(_PAGE)}
        for doc in await self._list(ctx, "/v1/refunds", params):
            if (doc.get("metadata") or {}).get(shapes.REFUND) == str(refund_id):
                return shapes.refund_of(doc)
        form = forms.refund_form(intent, payment_id, refund_id, amount)
        reply = await self._api.post(ctx, "/v1/refunds", form, key=str(refund_id))
        return shapes.refund_of(reply.done())

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        form = forms.transfer_form(id, amount, destination)
        found = await self.read_disbursement(ctx, id, ref=ref)
        if found is not None:
            return found
        reply = await self._api.post(ctx, "/v1/transfers", form, key=str(id))
        return shapes.payout_of(reply.done())

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        if ref is not None:
            doc = await self._find(ctx, path_of("transfers", ref))
            return shapes.payout_of(doc) if doc is not None else None
        params = {"transfer_group": str(id), "limit": "1"}
        found = await self._list(ctx, "/v1/transfers", params)
        return shapes.payout_of(found[0]) if found else None

    async def forget(self, ctx: Context, method: ProviderMethod) -> None:
        reply = await self._api.post(ctx, path_of("payment_methods", method.ref, "detach"), {})
        # One that belongs to nobody any more cannot be detached: it is gone, as it should be.
        if reply.status not in (_GONE, _MISUSED):
            reply.done()

    async def open_account(self, ctx: Context, vendor_id: UUID, email: str) -> ProviderAccount:
        """Harmless when repeated within a day. Stripe has no way to find an account by our id:
        whoever calls keeps its reference."""
        form = forms.account_form(vendor_id, email, self._country)
        key = str(derive(vendor_id, "stripe account"))
        reply = await self._api.post(ctx, "/v1/accounts", form, key=key)
        return shapes.account_of(reply.done())

    async def onboarding_link(self, ctx: Context, ref: str, return_url: str) -> str:
        form = forms.link_form(ref, return_url)
        doc = (await self._api.post(ctx, "/v1/account_links", form)).done()
        if not isinstance(doc.get("url"), str):
            raise ProviderAway("The provider's answer cannot be read.")
        return str(doc["url"])

    async def read_account(self, ctx: Context, ref: str) -> ProviderAccount | None:
        doc = await self._find(ctx, path_of("accounts", ref))
        return shapes.account_of(doc) if doc is not None else None

    async def report(
        self, ctx: Context, since: datetime, until: datetime, cursor: str | None
    ) -> tuple[list[ReportLine], str | None]:
        params = {
            "created[gte]": str(math.ceil(since.timestamp())),
            "created[lt]": str(math.ceil(until.timestamp())),
            "limit": str(_PAGE),
            "expand[0]": "data.source",
        }
        if cursor:
            params["starting_after"] = cursor
        reply = await self._api.get(ctx, "/v1/balance_transactions", params)
        lines = [line_of(doc) for doc in _items(reply)]
        return lines, lines[-1].id if lines and reply.doc.get("has_more") else None

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        try:
            body.decode()
        except UnicodeDecodeError:
            raise SignatureInvalid from None
        verify(self._secrets(), headers.get("stripe-signature", ""), body, now)
        return event_of(body, live=not self.test_mode)

    def _secrets(self) -> list[str]:
        return self._webhook_secret.get_secret_value().replace(",", " ").split()

    async def _find(
        self, ctx: Context, path: str, params: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        reply = await self._api.get(ctx, path, params)
        return None if reply.status == _GONE else reply.done()

    async def _list(
        self, ctx: Context, path: str, params: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        return _items(await self._api.get(ctx, path, params))


def _items(reply: Reply) -> list[dict[str, Any]]:
    found = reply.done().get("data")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProviderAway("The provider's answer cannot be read.")
    return found


def _is_intent(doc: Mapping[str, Any]) -> bool:
    return doc.get("object") == "payment_intent"


def _seen(doc: Mapping[str, Any]) -> ProviderPayment:
    return shapes.payment_of(doc) if _is_intent(doc) else shapes.session_of(doc)
