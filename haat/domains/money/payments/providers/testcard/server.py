"""The doors of the test card network: a JSON API for shops and pages for the card holder.

Refusals are `{code, detail}` and, for bad input, `field`. The API wants the secret key as a bearer
token; the pages, `/tokens` and `/health` want nothing, as a card holder's browser knows no key.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import network as net
from . import pages, wire
from .claims import Claims
from .desk import Desk, Doc, Outcome, iso
from .fields import inner
from .network import Intent, Manner, Refused, Status
from .store import Answer
from .straight import Door, Straight

_MOST_BYTES: Final = 64 * 1024
Use = Callable[[str, Mapping[str, object]], Outcome]


class TornResponse(Response):
    """An answer whose connection breaks: one byte of many, so no client can take it for one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 502, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class Api:
    """JSON for shops. `wake` is called when a webhook may be due, `stopping` ends long waits."""

    def __init__(
        self, desk: Desk, secret: str, wake: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        self.desk, self.store, self.wake, self.stopping = desk, desk.store, wake, stopping
        self.claims = Claims(desk)
        self._bearer = f"Bearer {secret}".encode()

    def routes(self) -> list[Route]:
        """Every address of the API."""
        desk, claims, get, post = self.desk, self.claims, ["GET"], ["POST"]
        forget = self.door(lambda id, _: desk.forget(id))
        return [
            Route("/health", self.health, methods=get),
            Route("/balance", self._show(self._balance), methods=get),
            Route("/balance/transactions", self._show(self._transactions), methods=get),
            Route("/tokens", self.tokens, methods=["POST", "OPTIONS"]),
            Route("/intents", self.door(self.create), methods=post),
            Route("/intents", self.by_reference, methods=get),
            Route("/intents/{id}", self._show(self._intent), methods=get),
            Route("/intents/{id}/confirm", self.door(self._confirm), methods=post),
            Route("/intents/{id}/capture", self.door(desk.capture), methods=post),
            Route("/intents/{id}/void", self.door(lambda id, _: desk.void(id)), methods=post),
            Route("/intents/{id}/refunds", self.door(desk.refund), methods=post),
            Route("/intents/{id}/disputes", self.door(claims.open), methods=post),
            Route("/disputes/{id}", self._show(lambda r: claims.dispute(_id(r))), methods=get),
            Route("/disputes/{id}/close", self.door(claims.close), methods=post),
            Route("/saved-methods/{id}", forget, methods=["DELETE"]),
            Route("/payouts", self.door(lambda _, body: desk.pay_out(body)), methods=post),
            Route("/payouts/{id}", self._show(lambda r: desk.payout(_id(r))), methods=get),
            Route("/webhook-endpoints", self.door(self._register), methods=post),
        ]

    async def health(self, request: Request) -> Response:
        """Alive."""
        return _json({"status": "ok"})

    async def tokens(self, request: Request) -> Response:
        """A token for a card, asked for by a browser on any site."""
        open_to_all = {
            "access-control-allow-origin": "*",
            "access-control-allow-headers": "content-type",
            "access-control-allow-methods": "POST",
        }
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=open_to_all)
        try:
            body = await read_object(request)
            card = net.card_of(_string(body, "number"))
            month, year, cvc = (body.get(name) for name in ("expMonth", "expYear", "cvc"))
            net.check_expiry(month, year, cvc, self.desk.now())
            token = f"tok_{secrets.token_urlsafe(18)}"
            with self.store.transaction():
                self.store.add_token(token, card.number, f"{year}-{month:02}")
            doc: Doc = {"token": token, "brand": card.brand, "last4": card.number[-4:]}
            answer = _json(doc, 201)
        except Refused as refused:
            answer = refusal(refused)
        answer.headers.update(open_to_all)
        return answer

    async def by_reference(self, request: Request) -> Response:
        """GET /intents?reference=."""
        await self._admit(request)
        reference = request.query_params.get("reference", "")
        if not reference:
            raise Refused(422, "invalid", "Say which reference.", "reference")
        found = self.store.intents_of(reference) if reference.isprintable() else []
        return _json({"items": [self.desk.intent_doc(i) for i in found], "next": None})

    def _balance(self, request: Request) -> Doc:
        return {"items": self.store.books.totals(), "next": None}

    def _transactions(self, request: Request) -> Doc:
        return self.claims.transactions(request.query_params)

    def _intent(self, request: Request) -> Doc:
        return self.desk.intent_doc(self.desk.intent(_id(request)))

    def _show(self, what: Callable[[Request], Doc]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            await self._admit(request)
            return _json(what(request))

        return endpoint

    def create(self, _: str, body: Mapping[str, object]) -> Outcome:
        """With `confirm`, its card is tried in the same call, once there is none yet."""
        made = self.desk.create(body)
        if "confirm" not in body or made.doc["status"] != Status.REQUIRES_PAYMENT.value:
            return made
        try:
            return self._confirm(str(made.doc["id"]), inner(body, "confirm"))
        except Refused as refused:  # the intent is there all the same
            return Outcome(refusal_doc(refused), refused.status)

    def _confirm(self, id: str, body: Mapping[str, object]) -> Outcome:
        if "savedMethod" in body:
            return self.desk.confirm_saved(id, body)
        if "token" not in body:
            return self.desk.confirm(id, net.card_of(_string(body, "number")))
        card = self.store.card_behind(_string(body, "token"))
        if card is None:
            raise Refused(422, "unknown_token", "There is no such token.", "token")
        return self.desk.confirm(id, net.card_of(card[0]), card[1])

    def _register(self, _: str, body: Mapping[str, object]) -> Outcome:
        url, secret = wire.web_url(body.get("url"), "url"), _string(body, "secret")
        wire.signing_key(secret)
        now = self.desk.now()
        self.store.register(url, secret, iso(now), now.timestamp())
        return Outcome({"url": url, "createdAt": dict(self.store.endpoints())[url]})

    def door(self, use: Use) -> Door:
        async def endpoint(request: Request) -> Response:
            return await self._run(request, use)

        return endpoint

    async def _run(self, request: Request, use: Use) -> Response:
        """One use case in one transaction, under the request's idempotency key if it has one."""
        await self._admit(request)
        body = await read_object(request)
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 200:
            raise Refused(422, "invalid", "Expected 1 to 200 characters.", "Idempotency-Key")
        print_of = _fingerprint(request, body) if key is not None else ""
        with self.store.transaction():
            kept = self.store.answer(key) if key else None
            if kept is not None:
                if kept.fingerprint != print_of:
                    detail = "This key was used for another request."
                    raise Refused(409, "idempotency_conflict", detail, "Idempotency-Key")
                return _response(kept.body, kept.status, {"idempotent-replayed": "true"})
            outcome = use(str(request.path_params.get("id", "")), body)
            answer = Answer(print_of, outcome.status, _encode(outcome.doc))
            if key:
                self.store.put_answer(key, answer, self.desk.now().timestamp())
        self.wake()
        if await self.travels(outcome):
            return _response(answer.body, answer.status)
        return TornResponse()

    async def travels(self, outcome: Outcome) -> bool:
        """Wait as the card wants it; False when the answer must not arrive."""
        if outcome.manner is Manner.NEVER:
            await self._pause(self.desk.pace.lost_answer_s)
        if outcome.manner is Manner.AFTER_WEBHOOK:
            # The store is asked rather than the courier: any endpoint may be slow or gone.
            for _ in range(100):
                if self.store.is_delivered(outcome.event_id) or self.stopping.is_set():
                    break
                await self._pause(0.05)
            await self._pause(self.desk.pace.after_webhook_s)
        return outcome.manner in (Manner.PROMPT, Manner.AFTER_WEBHOOK)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _admit(self, request: Request) -> None:
        if self.desk.pace.latency_s > 0:
            await self._pause(self.desk.pace.latency_s)
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not secrets.compare_digest(given, self._bearer):
            raise Refused(401, "unauthenticated", "Send the secret key as a bearer token.")


class Pages:
    """The hosted pages. The card holder's form data never passes through the shop."""

    def __init__(self, api: Api) -> None:
        self.api, self.desk, self.store = api, api.desk, api.store

    def routes(self) -> list[Route]:
        """Every address a browser opens."""
        return [
            Route("/", self.index, methods=["GET"]),
            Route("/pay/{id}", self.form, methods=["GET"]),
            Route("/pay/{id}", self.pay, methods=["POST"]),
            Route("/3ds/{id}", self.question, methods=["GET"]),
            Route("/3ds/{id}", self.reply, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """The table of test cards."""
        return _html(pages.index())

    async def form(self, request: Request) -> Response:
        """The card form, or the way back when the intent needs no card any more."""
        intent = self.desk.intent(_id(request))
        back = _return_to(intent, request.query_params.get("return_url", ""))
        if intent.status not in (Status.REQUIRES_PAYMENT, Status.DECLINED):
            return self._onward(intent, back)
        number = request.query_params.get("card", "")
        filled = number if number in net.CARD_BY_NUMBER else ""
        return _html(pages.payment(intent, back, filled, "", self.desk.now()))

    async def pay(self, request: Request) -> Response:
        """Confirm with the typed card, then on to 3-D Secure or back to the shop."""
        fields = await read_form(request)
        intent = self.desk.intent(_id(request))
        back = _return_to(intent, fields.get("return_url", ""))
        try:
            card = net.card_of(fields.get("number", ""))
            expiry = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(?:20)?(\d{2})\s*", fields.get("expiry", ""))
            month, year = (int(expiry[1]), 2000 + int(expiry[2])) if expiry else (0, 0)
            net.check_expiry(month, year, fields.get("cvc", ""), self.desk.now())
        except Refused as refused:
            page = pages.payment(intent, back, "", refused.detail, self.desk.now())
            return _html(page, refused.status)
        with self.store.transaction():
            outcome = self.desk.confirm(intent.id, card, f"{year}-{month:02}")
        self.api.wake()
        if not await self.api.travels(outcome):
            text = "The bank has charged the card, but its answer to this page was lost."
            again = f"/pay/{intent.id}?{urlencode({'return_url': back})}"
            return _html(pages.message("No answer", text, again, "Try again"), 504)
        return self._onward(self.desk.intent(intent.id), back)

    async def question(self, request: Request) -> Response:
        """The bank's page, or the way back when it has been answered."""
        intent = self.desk.intent(_id(request))
        back = _return_to(intent, request.query_params.get("return_url", ""))
        if intent.status is not Status.REQUIRES_ACTION:
            return self._onward(intent, back)
        return _html(pages.three_ds(intent, back))

    async def reply(self, request: Request) -> Response:
        """Approve or fail, by the page's form or as JSON `{outcome}`, answered in kind."""
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form")
        fields = await (read_form(request) if is_form else read_object(request))
        outcome = fields.get("outcome")
        if outcome not in ("approve", "fail"):
            raise Refused(422, "invalid", "Expected approve or fail.", "outcome")
        intent = self.desk.intent(_id(request))
        back = _return_to(intent, str(fields.get("return_url", "")))
        with self.store.transaction():
            answer = self.desk.authenticate(intent.id, outcome == "approve")
        self.api.wake()
        return self._onward(self.desk.intent(intent.id), back) if is_form else _json(answer.doc)

    def _onward(self, intent: Intent, back: str) -> Response:
        if intent.status is Status.REQUIRES_ACTION:
            query = f"?{urlencode({'return_url': back})}" if back else ""
            return RedirectResponse(f"/3ds/{intent.id}{query}", 303)
        if back:
            return RedirectResponse(pages.going_back(back, intent.id, intent.status), 303)
        return _html(pages.message(f"Payment {intent.status}", "You may close this page."))


def create_app(
    desk: Desk, secret: str, wake: Callable[[], None], stopping: asyncio.Event
) -> ASGIApp:
    """The ASGI application; `stopping` is set before the server is stopped."""
    api = Api(desk, secret, wake, stopping)
    everything = Starlette(
        routes=[*api.routes(), *Pages(api).routes()],
        exception_handlers={Refused: _refuse, HTTPException: _refuse, Exception: _broken},
    )
    return Straight(everything, api.door(api.create), api.door(desk.capture), _refuse)


async def read_object(request: Request) -> dict[str, object]:
    """The JSON object of a request; an empty body is an empty object."""
    raw = await _read(request)
    try:
        body = json.loads(raw, parse_constant=_no_constant) if raw else {}
    except (ValueError, RecursionError) as error:
        raise Refused(400, "malformed_json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "malformed_json", "The body is not a JSON object.")
    return body


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form, the last one of each name."""
    raw = await _read(request)
    try:
        fields = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise Refused(400, "malformed_form", "The form cannot be read.") from error
    return {name: values[-1] for name, values in fields.items()}


async def _read(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MOST_BYTES:
            raise Refused(413, "too_large", f"At most {_MOST_BYTES} bytes are read.")
    return raw


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _string(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not (isinstance(value, str) and value.isprintable()):
        raise Refused(422, "invalid", "Expected a printable string.", name)
    return value


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _fingerprint(request: Request, body: Mapping[str, object]) -> str:
    asked = json.dumps([request.method, request.url.path, body], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _return_to(intent: Intent, asked: str) -> str:
    """Where the card holder goes afterwards: the intent's site decides, if it named one."""
    if not asked:
        return intent.return_url
    wanted, named = urlsplit(wire.web_url(asked, "return_url")), urlsplit(intent.return_url)
    if intent.return_url and (wanted.scheme, wanted.netloc) != (named.scheme, named.netloc):
        detail = "The intent was made for another site."
        raise Refused(422, "return_url_mismatch", detail, "return_url")
    return asked


def refusal(refused: Refused) -> Response:
    """A refusal as JSON."""
    return _json(refusal_doc(refused), refused.status)


def refusal_doc(refused: Refused) -> Doc:
    doc: Doc = {"code": refused.code, "detail": refused.detail}
    return doc | ({"field": refused.at} if refused.at else {})


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        known = {404: "not_found", 405: "method_not_allowed"}
        code = known.get(error.status_code, "bad_request")
        error = Refused(error.status_code, code, "There is nothing here that does this.")
    assert isinstance(error, Refused)
    if "text/html" in request.headers.get("accept", ""):
        return _html(pages.message("This does not work", error.detail), error.status)
    return refusal(error)


async def _broken(request: Request, error: Exception) -> Response:
    return _json({"code": "internal", "detail": "The network has a fault of its own."}, 500)


def _encode(doc: Mapping[str, object]) -> bytes:
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode()


def _json(doc: Mapping[str, object], status: int = 200) -> Response:
    return _response(_encode(doc), status)


def _response(body: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")


def _html(page: str, status: int = 200) -> Response:
    headers = {
        "cache-control": "no-store",
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{pages.STYLE_HASH}'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(page, status, headers)
