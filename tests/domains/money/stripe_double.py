"""A Stripe-shaped server of our own, for what no server we did not write can do.

It keeps Stripe's documented rules on idempotency keys (the first answer is kept, failures too;
other words or another address under the same key are refused), on searching (late) and listing
(at once), and on which steps an intent, a session and a transfer allow. Names of parameters are
held against the official library's types in test_stripe_forms.py, not here.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Doc = dict[str, Any]
KEY = "sk_test_double"
VISA, DECLINED, SECURE = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"
CARD = {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031}


class Refused(Exception):
    def __init__(self, status: int, **error: Any) -> None:
        super().__init__(status)
        self.status = status
        self.error = {"type": "invalid_request_error", **error}


@dataclass
class Double:
    """`objects` are by id; `asked` is every request; `indexed` says whether searches find."""

    port: int = 0
    objects: dict[str, Doc] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    indexed: bool = True
    keys: dict[str, tuple[str, dict[str, str], int, Doc]] = field(default_factory=dict)
    fails: list[tuple[str, int]] = field(default_factory=list)
    _count: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, kind: str) -> list[Doc]:
        """All of a kind, newest first."""
        return [one for one in reversed(self.objects.values()) if one["object"] == kind]

    def calls(self, method: str, path: str) -> list[dict[str, str]]:
        return [form for m, p, form, _ in self.asked if (m, p) == (method, path)]

    def forget_keys(self) -> None:
        """A day has passed."""
        self.keys.clear()

    def fail(self, path: str, status: int) -> None:
        """The next POST there is begun, then fails: the failure is kept under its key."""
        self.fails.append((path, status))

    def new(self, kind: str, prefix: str, **fields: Any) -> Doc:
        id = f"{prefix}_{next(self._count):06}"
        self.objects[id] = {"id": id, "object": kind, "livemode": False, **fields}
        return self.objects[id]

    def authenticate(self, intent: str) -> None:
        """The customer did 3-D Secure."""
        doc = self.objects[intent]
        doc["next_action"] = None
        self._charge(doc, "requires_capture")

    def pay(self, session: str, card: str = VISA) -> Doc:
        """The customer gives a card on the session's page."""
        doc = self.objects[session]
        given = doc["_intent"]
        intent = self.objects.get(doc["payment_intent"] or "")
        if intent is None:
            intent = self._intent(doc["amount_total"], doc["currency"], given)
            doc["payment_intent"] = intent["id"]
        intent["payment_method"] = self._method(card)["id"]
        if card == DECLINED:
            self._decline(intent)
        else:
            self._charge(intent, "requires_capture")
            doc |= {"status": "complete", "url": None}
        return intent

    def _method(self, ref: str) -> Doc:
        if ref in self.objects:
            return self.objects[ref]
        return self.new("payment_method", "pm", type="card", card=CARD, customer=None, _card=ref)

    def _intent(self, amount: int, currency: str, given: Doc) -> Doc:
        return self.new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_received=0,
            currency=currency,
            status="requires_payment_method",
            metadata=given.get("metadata", {}),
            transfer_group=given.get("transfer_group"),
            setup_future_usage=given.get("setup_future_usage"),
            customer=given.get("customer"),
            payment_method=None,
            next_action=None,
            last_payment_error=None,
            latest_charge=None,
        )

    def _charge(self, intent: Doc, status: str) -> None:
        charge = self.new(
            "charge",
            "ch",
            payment_intent=intent["id"],
            metadata=intent["metadata"],
            transfer_group=intent["transfer_group"],
        )
        intent |= {"status": status, "latest_charge": charge["id"], "last_payment_error": None}

    def _decline(self, intent: Doc, code: str = "card_declined", why: str = "do_not_honor") -> None:
        self._charge(intent, "requires_payment_method")
        error = {"type": "card_error", "code": code, "decline_code": why}
        intent |= {"last_payment_error": error, "payment_method": None}

    # What is asked over HTTP.

    def answer(self, method: str, path: str, form: dict[str, str], headers: dict[str, str]) -> Any:
        self.asked.append((method, path, form, headers))
        if headers.get("authorization") != f"Bearer {KEY}":
            return 401, {"error": {"type": "invalid_request_error"}}, {}
        key = headers.get("idempotency-key") if method == "POST" else None
        if key in self.keys:
            first_path, first_form, status, doc = self.keys[key]
            if (first_path, first_form) != (path, form):
                return 400, {"error": {"type": "idempotency_error"}}, {}
            return status, doc, {"idempotent-replayed": "true"}
        try:
            status, doc = 200, self._done(method, path, form)
        except Refused as refused:
            status, doc = refused.status, {"error": refused.error}
        failing = next((one for one in self.fails if one[0] == path and method == "POST"), None)
        if failing:
            self.fails.remove(failing)
            status, doc = failing[1], {"error": {"type": "api_error"}}
        doc = json.loads(json.dumps(doc))
        if key:
            self.keys[key] = (path, form, status, doc)
        return status, doc, {}

    def _done(self, method: str, path: str, form: dict[str, str]) -> Doc:
        parts = path.removeprefix("/v1/").replace("checkout/", "checkout_").split("/")
        folder, rest = parts[0], parts[1:]
        if method == "POST":
            verb = rest[1] if len(rest) == 2 else "create"
            ids = [unquote(rest[0])] if rest else []
            doc = getattr(self, f"{verb}_{folder}")(*ids, form)
        elif rest == ["search"]:
            doc = self._searched(form)
        elif rest:
            doc = self._found(unquote(rest[0]))
        else:
            doc = self._listed(folder.removeprefix("checkout_").removesuffix("s"), form)
        return self._expanded(doc, [v for k, v in form.items() if k.startswith("expand[")])

    def _found(self, id: str) -> Doc:
        if id not in self.objects:
            raise Refused(404, code="resource_missing")
        return self.objects[id]

    def _searched(self, form: dict[str, str]) -> Doc:
        intents = self.of("payment_intent") if self.indexed else []
        wanted = [
            one
            for one in intents
            if any(form["query"] == f"metadata['{k}']:'{v}'" for k, v in one["metadata"].items())
        ]
        return {"object": "search_result", "data": wanted[: int(form["limit"])], "has_more": False}

    def _listed(self, kind: str, form: dict[str, str]) -> Doc:
        kind = "checkout.session" if kind == "session" else kind
        asked = {
            k: v for k, v in form.items() if k in ("transfer_group", "payment_intent", "status")
        }
        found = [one for one in self.of(kind) if all(one.get(k) == v for k, v in asked.items())]
        if "created[gte]" in form:
            since, until = int(form["created[gte]"]), int(form["created[lt]"])
            found = [one for one in found if since <= one["created"] < until]
        if after := form.get("starting_after"):
            found = found[[one["id"] for one in found].index(after) + 1 :]
        limit = int(form.get("limit", "10"))
        return {"object": "list", "data": found[:limit], "has_more": len(found) > limit}

    def _expanded(self, doc: Doc, paths: list[str]) -> Doc:
        doc = json.loads(json.dumps(doc))
        for path in paths:
            self._expand(doc, path.split("."))
        return doc

    def _expand(self, doc: Any, names: list[str]) -> None:
        if isinstance(doc, list):
            for one in doc:
                self._expand(one, names)
        elif isinstance(doc, dict) and names:
            held = doc.get(names[0])
            if isinstance(held, str) and held in self.objects:
                held = doc[names[0]] = json.loads(json.dumps(self.objects[held]))
            self._expand(held, names[1:])

    def create_payment_intents(self, form: dict[str, str]) -> Doc:
        kept = ("transfer_group", "setup_future_usage", "customer")
        given: Doc = {"metadata": _tree(form, "metadata")} | {k: form.get(k) for k in kept}
        intent = self._intent(int(form["amount"]), form["currency"], given)
        card = form["payment_method"]
        method = self._method(card)
        card = method["_card"]
        intent["payment_method"] = method["id"]
        if card == DECLINED:
            self._decline(intent)
            raise Refused(402, **intent["last_payment_error"], payment_intent=intent)
        if card == SECURE and form.get("off_session") == "true":
            self._decline(intent, "authentication_required", "authentication_required")
            raise Refused(402, **intent["last_payment_error"], payment_intent=intent)
        if card == SECURE:
            url = f"https://hooks.stripe.example/3ds/{intent['id']}"
            redirect = {"url": url, "return_url": form["return_url"]}
            intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
            intent["status"] = "requires_action"
            return intent
        self._charge(intent, "requires_capture")
        return intent

    def capture_payment_intents(self, id: str, form: dict[str, str]) -> Doc:
        intent = self._found(id)
        if intent["status"] != "requires_capture":
            raise Refused(400, code="payment_intent_unexpected_state")
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        return intent

    def cancel_payment_intents(self, id: str, form: dict[str, str]) -> Doc:
        intent = self._found(id)
        of_session = any(one["payment_intent"] == id for one in self.of("checkout.session"))
        if intent["status"] in ("succeeded", "canceled") or (
            of_session and intent["status"] != "requires_capture"
        ):
            raise Refused(400, code="payment_intent_unexpected_state")
        intent |= {"status": "canceled", "next_action": None}
        return intent

    def create_checkout_sessions(self, form: dict[str, str]) -> Doc:
        price = "line_items[0][price_data]"
        intent = {
            "metadata": _tree(form, "payment_intent_data[metadata]"),
            "transfer_group": form.get("payment_intent_data[transfer_group]"),
            "setup_future_usage": form.get("payment_intent_data[setup_future_usage]"),
            "customer": form.get("customer"),
        }
        doc = self.new(
            "checkout.session",
            "cs_test",
            amount_total=int(form[f"{price}[unit_amount]"]),
            currency=form[f"{price}[currency]"],
            metadata=_tree(form, "metadata"),
            payment_intent=None,
            status="open",
            _intent=intent,
        )
        doc["url"] = f"https://checkout.stripe.example/c/{doc['id']}"
        return doc

    def expire_checkout_sessions(self, id: str, form: dict[str, str]) -> Doc:
        doc = self._found(id)
        if doc["status"] != "open":
            raise Refused(400)
        doc |= {"status": "expired", "url": None}
        if doc["payment_intent"]:
            self.objects[doc["payment_intent"]]["status"] = "canceled"
        return doc

    def create_refunds(self, form: dict[str, str]) -> Doc:
        intent = self._found(form["payment_intent"])
        back = sum(r["amount"] for r in self.of("refund") if r["payment_intent"] == intent["id"])
        if back + int(form["amount"]) > intent["amount_received"]:
            raise Refused(400, code="charge_already_refunded")
        return self.new(
            "refund",
            "re",
            amount=int(form["amount"]),
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=_tree(form, "metadata"),
            status="succeeded",
        )

    def create_transfers(self, form: dict[str, str]) -> Doc:
        if form["destination"] == "acct_poor":
            raise Refused(400, code="balance_insufficient")
        return self.new(
            "transfer",
            "tr",
            amount=int(form["amount"]),
            amount_reversed=0,
            reversed=False,
            currency=form["currency"],
            destination=form["destination"],
            transfer_group=form["transfer_group"],
            metadata=_tree(form, "metadata"),
        )

    def create_customers(self, form: dict[str, str]) -> Doc:
        return self.new("customer", "cus", metadata=_tree(form, "metadata"))

    def detach_payment_methods(self, id: str, form: dict[str, str]) -> Doc:
        method = self._found(id)
        if method["customer"] is None:
            raise Refused(400)
        method["customer"] = None
        return method

    def create_accounts(self, form: dict[str, str]) -> Doc:
        return self.new(
            "account",
            "acct",
            metadata=_tree(form, "metadata"),
            capabilities={"transfers": "inactive"},
            payouts_enabled=False,
            details_submitted=False,
            requirements={"currently_due": ["tos_acceptance.date"], "past_due": []},
        )

    def create_account_links(self, form: dict[str, str]) -> Doc:
        self._found(form["account"])
        return {"object": "account_link", "url": f"https://connect.example/{form['account']}"}


def _tree(form: dict[str, str], name: str) -> dict[str, str]:
    return {k[len(name) + 1 : -1]: v for k, v in form.items() if k.startswith(name + "[")}


@asynccontextmanager
async def stripe_double() -> AsyncIterator[Double]:
    """A double on a free port until the end of the block."""
    double = Double()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(double.answer, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    double.port = int(server.sockets[0].getsockname()[1])
    try:
        yield double
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    answer: Callable[..., Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(OSError, EOFError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ", 2)
            pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
            headers = {name.strip().lower(): value.strip() for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            where = urlsplit(target)
            form = dict(parse_qsl(body.decode() if method == "POST" else where.query))
            status, doc, more = answer(method, where.path, form, headers)
            text = json.dumps(doc).encode()
            lines = [f"HTTP/1.1 {status} x", f"content-length: {len(text)}", "request-id: req_1"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + text)
            await writer.drain()
    writer.close()
