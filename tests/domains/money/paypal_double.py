"""A stand-in for PayPal: every request is held against PayPal's OpenAPI files, and every answer.

What it does behind those shapes (states, repeated request ids, duplicate batches) follows the
descriptions in the same files. Only the token call, the customer's approval and the signing of
messages have no schema there.
"""

import asyncio
import base64
import hmac
import json
import re
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import parse_qsl

import httpx

from haat.engines.http.client import HttpClient
from tests.domains.money.paypal_schemas import JUDGED, Operation

URL = "https://api-m.paypal.test"
CLIENT, SECRET, WEBHOOK = "client-id", "client-secret", "8PT597110X687430LKGECATA"
CERTIFICATE = (
    "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WHOLE = {"HUF", "JPY", "TWD"}
_MESSAGES = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid "
        "authentication credentials.",
    ),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: (
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed "
        "business validation.",
    ),
}

Document = dict[str, Any]
Reply = tuple[int, Document | None]
Fault = Literal["lost", "unreached", "status", "garbage", "withdrawn"]


class No(Exception):
    """An error answer."""

    def __init__(self, status: int, issue: str) -> None:
        super().__init__(issue)
        self.status, self.issue = status, issue


@dataclass
class Order:
    request: Document
    id: str
    status: str = "PAYER_ACTION_REQUIRED"
    authorizations: list[Document] = field(default_factory=list)
    captures: list[Document] = field(default_factory=list)
    refunds: list[Document] = field(default_factory=list)


@dataclass
class PayPalDouble:
    """`requests` are what arrived: (method, path, body). `faults` happen to the next request whose
    path matches, so many times."""

    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    faults: deque[tuple[str, Fault, int]] = field(default_factory=deque)
    orders: dict[str, Order] = field(default_factory=dict)
    batches: dict[str, Document] = field(default_factory=dict)
    disputes: dict[str, Document] = field(default_factory=dict)
    transactions: list[Document] = field(default_factory=list)
    event_types: list[str] = field(default_factory=lambda: ["*"])
    repeated: dict[tuple[str, str], Reply] = field(default_factory=dict)
    authorize_says: str = ""  # an issue that authorizing is refused with
    authorization_status: str = "CREATED"
    capture_says: str = ""
    capture_status: str = "COMPLETED"
    refund_status: str = "COMPLETED"
    duplicates_linked: bool = True
    in_progress: bool = False  # an earlier call with the same id has not ended
    tokens: int = 0
    expires_s: int = 32400
    token: str = ""
    token_refused: bool = False
    objections: list[str] = field(default_factory=list)  # of the judge, behind a socket
    _count: int = 0

    # -- the network ---------------------------------------------------------------------------

    def client(self) -> HttpClient:
        return HttpClient(transport=httpx.MockTransport(self.handle))

    def fail(self, path: str, fault: Fault, times: int = 3) -> None:
        """Three times outlasts the client's own repetitions."""
        self.faults.append((path, fault, times))

    def calls(self, path: str) -> list[Any]:
        """Bodies of the requests whose path matches."""
        return [body for _, at, body in self.requests if re.search(path, at)]

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # lets another call come between
        path = request.url.path
        if path == "/v1/oauth2/token":
            return self._give_token(request)
        fault = self._fault(path)
        if fault == "unreached":
            raise httpx.ConnectError("no route", request=request)
        if fault == "status":
            return httpx.Response(503 if request.method == "GET" else 500)
        if fault == "withdrawn":
            self.token = ""
        status, document = self._answer(request)
        if fault == "lost":
            raise httpx.ReadError("reset", request=request)
        if fault == "garbage":
            return httpx.Response(200, content=b"<html>oops")
        content = b"" if document is None else json.dumps(document).encode()
        headers = {"content-type": "application/json", "paypal-debug-id": "f90957fca61718"}
        return httpx.Response(status, content=content, headers=headers)

    def _fault(self, path: str) -> Fault | None:
        for index, (shape, fault, times) in enumerate(self.faults):
            if re.search(shape, path):
                if times > 1:
                    self.faults[index] = (shape, fault, times - 1)
                else:
                    del self.faults[index]
                return fault
        return None

    def _give_token(self, request: httpx.Request) -> httpx.Response:
        assert request.content == b"grant_type=client_credentials"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.token_refused or request.headers["authorization"] != f"Basic {basic}":
            return httpx.Response(401, json={"error": "invalid_client"})
        self.tokens += 1
        self.token = f"A21AA{self.tokens}"
        found = {"access_token": self.token, "token_type": "Bearer", "expires_in": self.expires_s}
        return httpx.Response(200, json=found)

    def _answer(self, request: httpx.Request) -> Reply:
        path, body = request.url.path, request.content
        operation = Operation(request.method, path) if JUDGED else None
        query = dict(parse_qsl(request.url.query.decode()))
        headers = {name.lower(): value for name, value in request.headers.items()}
        if operation is not None:
            operation.check_request(query, headers, body)
        self.requests.append((request.method, path, json.loads(body) if body else None))
        if not self.token or headers.get("authorization") != f"Bearer {self.token}":
            reply = self._error(401, "")
        else:
            reply = self._once(request.method, path, query, headers, body)
        if operation is not None:
            operation.check_answer(*reply)
        return reply

    def _once(
        self, method: str, path: str, query: Document, headers: Document, body: bytes
    ) -> Reply:
        key = (path, headers.get("paypal-request-id", ""))
        if method == "POST" and key[1] and key in self.repeated:
            return self.repeated[key]
        try:
            reply = self._do(method, path, query, body)
        except No as no:
            return self._error(no.status, no.issue)
        if method == "POST" and key[1]:
            self.repeated[key] = reply
        return reply

    def _error(self, status: int, issue: str) -> Reply:
        name, message = _MESSAGES[status]
        found: Document = {"name": name, "message": message, "debug_id": "90957fca61718"}
        if issue:
            found["details"] = [{"issue": issue}]
        return status, found

    # -- what it does --------------------------------------------------------------------------

    def _do(self, method: str, path: str, query: Document, body: bytes) -> Reply:
        document = json.loads(body) if body else {}
        if self.in_progress and method == "POST":
            raise No(409, "PREVIOUS_REQUEST_IN_PROGRESS")
        parts = path.strip("/").split("/")
        match (method, *parts):
            case ("POST", "v2", "checkout", "orders"):
                return self._create(document)
            case ("GET", "v2", "checkout", "orders", id):
                return 200, self.shown(self._find(self.orders, id))
            case ("POST", "v2", "checkout", "orders", id, "authorize"):
                return self._authorize(self._find(self.orders, id))
            case ("POST", "v2", "payments", "authorizations", id, "capture"):
                return self._capture(*self._authorization(id), document)
            case ("POST", "v2", "payments", "authorizations", id, "void"):
                return self._void(self._authorization(id)[1])
            case ("GET", "v2", "payments", "captures", id):
                return 200, self._taken(id)[1]
            case ("POST", "v2", "payments", "captures", id, "refund"):
                return self._refund(*self._taken(id), document)
            case ("POST", "v1", "payments", "payouts"):
                return self._pay_out(document)
            case ("GET", "v1", "payments", "payouts", id):
                return 200, self._find(self.batches, id)
            case ("GET", "v1", "customer", "disputes", id):
                return 200, self._find(self.disputes, id)
            case ("GET", "v1", "notifications", "webhooks", id):
                return self._webhook(id)
            case ("POST", "v1", "notifications", "verify-webhook-signature"):
                return self._verify(document, body)
            case ("GET", "v1", "reporting", "transactions"):
                return self._report(query)
        raise AssertionError(f"{method} {path} is not played")

    @staticmethod
    def _find(found: dict[str, Any], id: str) -> Any:
        if id not in found:
            raise No(404, "INVALID_RESOURCE_ID")
        return found[id]

    def _id(self) -> str:
        self._count += 1
        return f"{self._count:017d}".replace("0", "K", 3)

    def _create(self, request: Document) -> Reply:
        assert request["intent"] == "AUTHORIZE"
        (unit,) = request["purchase_units"]
        _judge(unit["amount"])
        order = Order(request, self._id())
        self.orders[order.id] = order
        return 201, self.shown(order)

    def shown(self, order: Order) -> Document:
        (asked,) = order.request["purchase_units"]
        kinds = ("authorizations", "captures", "refunds")
        payments = {kind: list(getattr(order, kind)) for kind in kinds if getattr(order, kind)}
        unit = {**asked, **({"payments": payments} if payments else {})}
        links = [{"href": f"{URL}/v2/checkout/orders/{order.id}", "rel": "self", "method": "GET"}]
        if order.status in ("PAYER_ACTION_REQUIRED", "APPROVED"):
            href = f"https://www.paypal.com/checkoutnow?token={order.id}"
            links.append({"href": href, "rel": "payer-action", "method": "GET"})
        return {
            "id": order.id,
            "intent": "AUTHORIZE",
            "status": order.status,
            "purchase_units": [unit],
            "links": links,
        }

    @staticmethod
    def minor(documents: list[Document]) -> int:
        """The sum of their amounts, in currencies of two decimals."""
        return sum(_minor(one["amount"]) for one in documents)

    def approve(self, id: str) -> None:
        """The customer's click at PayPal."""
        assert self.orders[id].status == "PAYER_ACTION_REQUIRED"
        self.orders[id].status = "APPROVED"

    def _authorize(self, order: Order) -> Reply:
        if self.authorize_says:
            raise No(422, self.authorize_says)
        if order.authorizations:
            raise No(422, "ORDER_ALREADY_AUTHORIZED")
        if order.status != "APPROVED":
            raise No(422, "ORDER_NOT_APPROVED")
        (unit,) = order.request["purchase_units"]
        order.status = "COMPLETED"
        order.authorizations.append(
            {
                "id": self._id(),
                "status": self.authorization_status,
                "amount": unit["amount"],
                "custom_id": unit["custom_id"],
                "invoice_id": unit["invoice_id"],
            }
        )
        shown = self.shown(order)
        shown["purchase_units"] = [
            {
                "reference_id": unit["reference_id"],
                "payments": shown["purchase_units"][0]["payments"],
            }
        ]
        return 201, shown

    def _authorization(self, id: str) -> tuple[Order, Document]:
        for order in self.orders.values():
            for one in order.authorizations:
                if one["id"] == id:
                    return order, one
        raise No(404, "INVALID_RESOURCE_ID")

    def _capture(self, order: Order, held: Document, request: Document) -> Reply:
        if self.capture_says:
            raise No(422, self.capture_says)
        if held["status"] == "VOIDED":
            raise No(422, "AUTHORIZATION_VOIDED")
        if held["status"] == "CAPTURED":
            raise No(422, "AUTHORIZATION_ALREADY_CAPTURED")
        _judge(request["amount"])
        taken = {
            "id": self._id(),
            "status": self.capture_status,
            "amount": request["amount"],
            "custom_id": held["custom_id"],
            "invoice_id": request["invoice_id"],
            "final_capture": request["final_capture"],
        }
        if self.capture_status in ("COMPLETED", "PENDING"):
            held["status"] = "CAPTURED"
        order.captures.append(taken)
        return 201, {**taken, "supplementary_data": _related(order)}

    @staticmethod
    def _void(held: Document) -> Reply:
        if held["status"] == "VOIDED":
            raise No(422, "PREVIOUSLY_VOIDED")
        if held["status"] == "CAPTURED":
            raise No(422, "PREVIOUSLY_CAPTURED")
        held["status"] = "VOIDED"
        return 200, dict(held)

    def _taken(self, id: str) -> tuple[Order, Document]:
        for order in self.orders.values():
            for one in order.captures:
                if one["id"] == id:
                    return order, {**one, "supplementary_data": _related(order)}
        raise No(404, "INVALID_RESOURCE_ID")

    def _refund(self, order: Order, taken: Document, request: Document) -> Reply:
        _judge(request["amount"])
        given = sum(_minor(one["amount"]) for one in order.refunds)
        if given + _minor(request["amount"]) > _minor(taken["amount"]):
            raise No(422, "REFUND_AMOUNT_EXCEEDED")
        up = {"href": f"{URL}/v2/payments/captures/{taken['id']}", "rel": "up", "method": "GET"}
        refund = {
            "id": self._id(),
            "status": self.refund_status,
            "amount": request["amount"],
            "custom_id": request["custom_id"],
            "links": [up],
        }
        order.refunds.append(refund)
        for one in order.captures:
            one["status"] = "PARTIALLY_REFUNDED" if one["id"] == taken["id"] else one["status"]
        return 201, refund

    def _pay_out(self, request: Document) -> Reply:
        ours = request["sender_batch_header"]["sender_batch_id"]
        (item,) = request["items"]
        for known in self.batches.values():
            if known["batch_header"]["sender_batch_header"]["sender_batch_id"] == ours:
                return self._duplicate(known)
        id, header = self._id(), {"sender_batch_id": ours}
        state: Document = {"payout_batch_id": id, "batch_status": "PENDING"}
        link = {"href": f"{URL}/v1/payments/payouts/{id}", "rel": "self", "method": "GET"}
        self.batches[id] = {
            "batch_header": {**state, "sender_batch_header": header},
            "items": [
                {
                    "payout_item_id": self._id(),
                    "payout_batch_id": id,
                    "transaction_status": "PENDING",
                    "payout_item": item,
                }
            ],
        }
        header_shown = {**state, "sender_batch_header": header}
        return 201, {"batch_header": header_shown, "links": [link]}

    def _duplicate(self, known: Document) -> Reply:
        # The shape that callers of the API report (paypal/PayPal-Ruby-SDK, issue 120).
        id = known["batch_header"]["payout_batch_id"]
        link = {"href": f"{URL}/v1/payments/payouts/{id}", "rel": "self", "method": "GET"}
        return 400, {
            "name": "USER_BUSINESS_ERROR",
            "message": "User business error.",
            "debug_id": "4854e55f0e1b3",
            "details": [{"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"}],
            "links": [link] if self.duplicates_linked else [],
        }

    def paid_out(self, id: str, status: str) -> Document:
        """A batch's item ends; the resource of the message about it."""
        batch = self.batches[id]
        batch["batch_header"]["batch_status"] = "SUCCESS"
        batch["items"][0]["transaction_status"] = status
        found: Document = batch["items"][0]
        return found

    def _webhook(self, id: str) -> Reply:
        if id != WEBHOOK:
            raise No(404, "INVALID_RESOURCE_ID")
        names = [{"name": name} for name in self.event_types]
        return 200, {"id": id, "url": "https://shop.example/hook", "event_types": names}

    def _report(self, query: Document) -> Reply:
        start, end = (datetime.fromisoformat(query[f"{side}_date"]) for side in ("start", "end"))
        assert end - start <= timedelta(days=31)
        found = [
            {"transaction_info": one}
            for one in self.transactions
            if start <= datetime.fromisoformat(one["transaction_initiation_date"]) <= end
        ]
        size, page = int(query["page_size"]), int(query["page"])
        shown = found[(page - 1) * size : page * size]
        sums = {"page": page, "total_items": len(found), "total_pages": -(-len(found) // size)}
        return 200, {**({"transaction_details": shown} if shown else {}), **sums}

    # -- messages ------------------------------------------------------------------------------

    def message(
        self,
        kind: str,
        resource: Document,
        *,
        id: str = "WH-1",
        webhook_id: str = WEBHOOK,
        at: datetime = NOW,
        change: Callable[[bytes], bytes] = bytes,
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a message, signed; `change` forges the body afterwards."""
        body = json.dumps({"id": id, "event_type": kind, "resource": resource}).encode()
        time = at.isoformat().replace("+00:00", "Z")
        transmission = "d938e770-8046-11e6-8103-6b62a8a99ac4"
        headers = {
            "paypal-transmission-id": transmission,
            "paypal-transmission-time": time,
            "paypal-transmission-sig": _signature(transmission, time, webhook_id, body),
            "paypal-cert-url": CERTIFICATE,
            "paypal-auth-algo": "SHA256withRSA",
        }
        return headers, change(body)

    @staticmethod
    def _verify(asked: Document, raw: bytes) -> Reply:
        event = raw[raw.index(b'"webhook_event":') + len(b'"webhook_event":') : -1]
        ids = (asked["transmission_id"], asked["transmission_time"], asked["webhook_id"])
        same = hmac.compare_digest(asked["transmission_sig"], _signature(*ids, event))
        return 200, {"verification_status": "SUCCESS" if same else "FAILURE"}


@asynccontextmanager
async def serving(double: PayPalDouble) -> AsyncIterator[str]:
    """The stand-in on a loopback socket, one request a connection; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            length = {name.lower(): value for name, value in headers.items()}.get("content-length")
            body = await reader.readexactly(int(length or 0))
            request = httpx.Request(method, f"{URL}{target}", headers=headers, content=body)
            found = await double.handle(request)
        except (AssertionError, OSError, ValueError, EOFError) as error:
            double.objections.append(str(error))
            found = httpx.Response(418, content=str(error).encode())
        content = found.content
        lines = [f"HTTP/1.1 {found.status_code} X", f"content-length: {len(content)}"]
        writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert double.objections == []


def _signature(id: str, time: str, webhook_id: str, body: bytes) -> str:
    """Over PayPal's text, `id|time|webhook id|CRC32 of the body`, with a key only this has."""
    text = f"{id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
    return "s" + base64.b64encode(hmac.digest(b"paypal's key", text, "sha256")).decode()


def _related(order: Order) -> Document:
    return {"related_ids": {"order_id": order.id}}


def _minor(amount: Document) -> int:
    return int(Decimal(amount["value"]) * 100)


def _judge(amount: Document) -> None:
    _, _, decimals = amount["value"].partition(".")
    if amount["currency_code"] in WHOLE and decimals:
        raise No(422, "DECIMALS_NOT_SUPPORTED")
    if len(decimals) > 2:
        raise No(422, "DECIMAL_PRECISION")
    if _minor(amount) <= 0:
        raise No(422, "CANNOT_BE_ZERO_OR_NEGATIVE")
