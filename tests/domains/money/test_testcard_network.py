"""The test card network as the outside sees it: a real process, real sockets, real kills."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from haat.domains.money.payments.providers.testcard.store import Store

SUCCESS, MASTERCARD = "4242424242424242", "5555555555554444"
THREE_DS, THREE_DS_REFUSED = "4000002500003155", "4000008400001629"
DROPPED, NEVER = "4000000000005019", "4000000000005027"
LATE, FIVE_TIMES, WEBHOOK_FIRST = "4000000000005035", "4000000000005043", "4000000000005050"
CAPTURE_FAILS, REFUND_WAITS = "4000000000005068", "4000000000005076"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
QUICK = "--lost-answer-s 0.6 --webhook-late-s 0.7 --pending-s 0.3 --first-retry-s 0.1".split()
Doc = dict[str, Any]


@dataclass
class Hook:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def doc(self) -> Doc:
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """A shop's webhook endpoint; `status` is what it answers."""

    status: int = 204
    hooks: list[Hook] = field(default_factory=list)
    url: str = ""

    def of(self, subject: str) -> list[Hook]:
        return [h for h in list(self.hooks) if h.doc["data"]["object"]["id"] == subject]

    def types(self, subject: str) -> list[str]:
        return [h.doc["type"] for h in self.of(subject)]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    here = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {k.lower(): v for k, v in self.headers.items()}
            here.hooks.append(Hook(headers, body, time.monotonic()))
            self.send_response(here.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here.url = f"http://127.0.0.1:{server.server_address[1]}/hooks?from=cards"
    yield here
    server.shutdown()
    server.server_close()


class Network:
    """The process under test and a client with its key."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.data, self.port = folder / "cards.db", port
        self.process = start(port, self.data, *options)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.key = (folder / "cards.db.key").read_text().strip()
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {self.key}"},
            timeout=30,
        )

    def post(self, path: str, body: object = None, key: str = "") -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return self.http.post(path, json={} if body is None else body, headers=headers)

    def get(self, id: str) -> Doc:
        return dict(self.http.get(f"/intents/{id}").json())

    def intent(self, minor: int = 1000, **more: object) -> str:
        id = f"pi-{uuid4().hex}"
        amount = {"minor": minor, "currency": "USD"}
        answer = self.post("/intents", {"id": id, "amount": amount, "reference": "Order 1"} | more)
        assert answer.status_code == 201, answer.text
        return id

    def confirm(self, id: str, number: str = SUCCESS, key: str = "") -> Doc:
        return dict(self.post(f"/intents/{id}/confirm", {"number": number}, key).json())

    def captured(self, number: str = SUCCESS) -> str:
        id = self.intent()
        self.confirm(id, number)
        assert self.post(f"/intents/{id}/capture").json()["status"] == "captured"
        return id

    def stop(self, sig: signal.Signals) -> int:
        self.http.close()
        self.process.send_signal(sig)
        status = self.process.wait(5)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def start(port: int, data: Path, *options: str) -> subprocess.Popen[str]:
    module = "haat.domains.money.payments.providers.testcard"
    command = [sys.executable, "-m", module, "--port", str(port), "--data", str(data), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], within_s: float = 4.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Network]:
    network = Network(tmp_path_factory.mktemp("cards"), free_port(), "--parent-death", *QUICK)
    body = {"url": receiver.url, "secret": SECRET}
    assert network.post("/webhook-endpoints", body).status_code == 200
    yield network
    assert network.stop(signal.SIGTERM) == 0


def test_the_ready_line_and_the_key_file(net: Network) -> None:
    assert net.line == f"test card network ready on http://127.0.0.1:{net.port}\n"
    assert stat.S_IMODE(os.stat(f"{net.data}.key").st_mode) == 0o600
    assert httpx.get(f"http://127.0.0.1:{net.port}/health").json() == {"status": "ok"}


@pytest.mark.parametrize("number", [SUCCESS, MASTERCARD])
def test_authorize_capture_refund(net: Network, receiver: Receiver, number: str) -> None:
    id = net.intent(1000)
    assert net.confirm(id, number)["status"] == "authorized"
    assert net.post(f"/intents/{id}/capture", {"amountMinor": 1001}).status_code == 422
    taken = net.post(f"/intents/{id}/capture", {"amountMinor": 900}).json()
    assert (taken["status"], taken["capturedMinor"]) == ("captured", 900)
    assert net.post(f"/intents/{id}/capture", {"amountMinor": 900}).json() == taken
    assert net.post(f"/intents/{id}/capture", {"amountMinor": 800}).status_code == 409
    assert net.post(f"/intents/{id}/void").status_code == 409
    refunds, body = f"/intents/{id}/refunds", {"id": f"re-{id}", "amountMinor": 300}
    assert net.post(refunds, body).status_code == 201
    assert net.post(refunds, body).json()["status"] == "succeeded"
    assert net.post(refunds, body | {"amountMinor": 301}).json()["code"] == "id_taken"
    beyond = net.post(refunds, {"id": f"rf-{id}", "amountMinor": 601})
    assert (beyond.status_code, beyond.json()["code"]) == (422, "refund_too_large")
    assert net.post(refunds, {"id": f"rg-{id}", "amountMinor": 600}).status_code == 201
    assert net.get(id)["refundedMinor"] == 900
    told = ["intent.authorized", "intent.captured", "intent.refunded", "intent.refunded"]
    until(lambda: len(receiver.of(id)) == 4)
    assert receiver.types(id) == told


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000002", "do_not_honor"),
        ("4000000000009987", "lost_card"),
    ],
)
def test_declines(net: Network, receiver: Receiver, number: str, code: str) -> None:
    id = net.intent()
    doc = net.confirm(id, number)
    assert (doc["status"], doc["declineCode"]) == ("declined", code)
    assert net.post(f"/intents/{id}/capture").json()["code"] == "intent_state"
    until(lambda: receiver.types(id) == ["intent.declined"])
    assert net.confirm(id, SUCCESS)["status"] == "authorized"


@pytest.mark.parametrize(
    ("number", "outcome", "status", "code"),
    [
        (THREE_DS, "approve", "authorized", None),
        (THREE_DS, "fail", "declined", "authentication_failed"),
        (THREE_DS_REFUSED, "approve", "declined", "insufficient_funds"),
    ],
)
def test_three_ds(
    net: Network, receiver: Receiver, number: str, outcome: str, status: str, code: str | None
) -> None:
    id = net.intent()
    doc = net.confirm(id, number)
    assert doc["status"] == "requires_action"
    assert doc["nextAction"]["url"] == f"http://127.0.0.1:{net.port}/3ds/{id}"
    assert net.post(f"/intents/{id}/capture").status_code == 409
    assert net.post(f"/3ds/{id}", {"outcome": "maybe"}).status_code == 422
    for _ in range(2):
        done = net.post(f"/3ds/{id}", {"outcome": outcome}).json()
        assert (done["status"], done["declineCode"]) == (status, code)
    until(lambda: receiver.types(id) == [f"intent.{status}"])


def test_automatic_capture_and_void(net: Network, receiver: Receiver) -> None:
    id = net.intent(captureMethod="automatic")
    assert net.confirm(id)["capturedMinor"] == 1000
    other = net.intent()
    net.confirm(other)
    for _ in range(2):
        assert net.post(f"/intents/{other}/void").json()["status"] == "voided"
    assert net.post(f"/intents/{other}/confirm", {"number": SUCCESS}).status_code == 409
    until(lambda: receiver.types(id) == ["intent.captured"])
    until(lambda: receiver.types(other) == ["intent.authorized", "intent.voided"])


def test_tokens_come_from_a_browser(net: Network) -> None:
    card = {"number": "4242 4242 4242 4242", "expMonth": 12, "expYear": 2099, "cvc": "123"}
    site = {"origin": "http://shop.test"}
    asked = httpx.options(f"http://127.0.0.1:{net.port}/tokens", headers=site)
    assert asked.headers["access-control-allow-origin"] == "*"
    given = httpx.post(f"http://127.0.0.1:{net.port}/tokens", json=card, headers=site)
    assert given.headers["access-control-allow-origin"] == "*"
    assert (given.json()["brand"], given.json()["last4"]) == ("visa", "4242")
    id = net.intent()
    body = {"token": given.json()["token"]}
    assert net.post(f"/intents/{id}/confirm", body).json()["status"] == "authorized"
    for wrong, code in (
        ({"number": "4242424242424241"}, "invalid_number"),
        ({"number": "4111111111111111"}, "not_a_test_card"),
        ({"expYear": 2020}, "invalid_expiry"),
        ({"expMonth": 13}, "invalid_expiry"),
        ({"cvc": "12"}, "invalid_cvc"),
    ):
        answer = net.post("/tokens", card | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_idempotency_keys(net: Network) -> None:
    key = uuid4().hex
    body: Doc = {"id": uuid4().hex, "reference": "r"}
    body |= {"amount": {"minor": 5, "currency": "EUR"}}
    first = net.post("/intents", body, key)
    again = net.post("/intents", body, key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = net.post("/intents", body | {"reference": "s"}, key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    taken = net.post("/intents", body | {"reference": "s"})
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    # A declined answer is replayed under its key although a new try would be a new attempt.
    declined = net.confirm(str(body["id"]), "4000000000000002", "c-" + key)
    assert net.confirm(str(body["id"]), "4000000000000002", "c-" + key) == declined


@pytest.mark.parametrize("number", [DROPPED, NEVER])
def test_a_lost_answer_is_one_charge(net: Network, receiver: Receiver, number: str) -> None:
    id, key = net.intent(), uuid4().hex
    before = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        net.confirm(id, number, key)
    assert (time.monotonic() - before > 0.5) is (number == NEVER)
    assert net.confirm(id, number, key)["status"] == "authorized"
    assert net.confirm(id, number)["status"] == "authorized"
    until(lambda: receiver.of(id))
    time.sleep(0.1)
    assert receiver.types(id) == ["intent.authorized"]


def test_webhook_late_repeated_and_first(net: Network, receiver: Receiver) -> None:
    late, five, first = net.intent(), net.intent(), net.intent()
    began = time.monotonic()
    net.confirm(late, LATE)
    net.confirm(five, FIVE_TIMES)
    until(lambda: len(receiver.of(five)) == 5)
    assert len({h.headers["webhook-id"] for h in receiver.of(five)}) == 1
    assert not receiver.of(late)
    until(lambda: receiver.of(late))
    assert receiver.of(late)[0].at - began >= 0.65
    assert net.confirm(first, WEBHOOK_FIRST)["status"] == "authorized"
    assert time.monotonic() - receiver.of(first)[0].at >= 1.9


def test_capture_fails_and_refund_waits(net: Network, receiver: Receiver) -> None:
    id = net.intent()
    net.confirm(id, CAPTURE_FAILS)
    answer = net.post(f"/intents/{id}/capture")
    assert (answer.status_code, answer.json()["code"]) == (402, "capture_failed")
    assert net.post(f"/intents/{id}/void").json()["status"] == "voided"
    id = net.captured(REFUND_WAITS)
    body = {"id": f"re-{id}", "amountMinor": 700}
    assert net.post(f"/intents/{id}/refunds", body).json()["status"] == "pending"
    assert net.get(id)["refundPendingMinor"] == 700
    assert net.post(f"/intents/{id}/refunds", {"id": "x", "amountMinor": 301}).status_code == 422
    until(lambda: net.get(id)["refundedMinor"] == 700)
    until(lambda: receiver.types(id)[-1] == "intent.refunded")
    assert receiver.of(id)[-1].doc["data"]["refund"]["status"] == "succeeded"


def test_signatures_verify(net: Network, receiver: Receiver) -> None:
    id = net.intent(metadata={"name": "হাট"})
    net.confirm(id)
    until(lambda: receiver.of(id))
    hook = receiver.of(id)[0]
    stamp = hook.headers["webhook-timestamp"]
    assert abs(int(stamp) - time.time()) < 5
    signed = f"{hook.headers['webhook-id']}.{stamp}.".encode() + hook.body
    digest = hmac.new(base64.b64decode(SECRET[6:]), signed, hashlib.sha256).digest()
    assert hook.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert hook.doc["id"] == hook.headers["webhook-id"]
    assert hook.doc["data"]["object"]["metadata"] == {"name": "হাট"}


@pytest.mark.parametrize(
    ("account", "at_once", "finally_"),
    [
        ("DE89 3704 0044 0532 0130 00", "paid", "paid"),
        ("000123456789", "paid", "paid"),
        ("000999999991", "pending", "paid"),
        ("000111111116", "failed", "failed"),
        ("000111111113", "failed", "failed"),
        ("000888888883", "pending", "failed"),
    ],
)
def test_payouts(
    net: Network, receiver: Receiver, account: str, at_once: str, finally_: str
) -> None:
    id = f"po-{uuid4().hex}"
    body: Doc = {"id": id, "amount": {"minor": 50, "currency": "BDT"}, "reference": "May"}
    body["destination"] = {"holder": "Rahima", "account": account}
    assert net.post("/payouts", body).json()["status"] == at_once
    assert net.post("/payouts", body | {"reference": "June"}).status_code == 409
    until(lambda: net.http.get(f"/payouts/{id}").json()["status"] == finally_)
    until(lambda: receiver.types(id) == [f"payout.{finally_}"])
    assert net.post("/payouts", body).json()["status"] == finally_


def test_the_hosted_page(net: Network) -> None:
    id = net.intent(1234, returnUrl="http://shop.test/")
    back = "http://shop.test/done?step=2"
    page = net.http.get(f"/pay/{id}", params={"return_url": back, "card": SUCCESS})
    assert "12.34 USD" in page.text
    assert 'value="4242 4242 4242 4242"' in page.text
    assert "<script" not in page.text
    assert 'for="number"' in page.text
    form = {"number": "4242424242424241", "expiry": "12/39", "cvc": "123", "return_url": back}
    wrong = net.http.post(f"/pay/{id}", data=form)
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text
    sent = net.http.post(f"/pay/{id}", data=form | {"number": "4000 0000 0000 0002"})
    assert sent.headers["location"] == f"{back}&intent={id}&result=declined"
    sent = net.http.post(f"/pay/{id}", data=form | {"number": THREE_DS})
    question = net.http.get(sent.headers["location"])
    assert re.findall(r'name="outcome" value="(\w+)"', question.text) == ["approve", "fail"]
    sent = net.http.post(f"/3ds/{id}", data={"outcome": "approve", "return_url": back})
    assert sent.headers["location"] == f"{back}&intent={id}&result=authorized"
    assert net.http.get(f"/pay/{id}").headers["location"].endswith("result=authorized")
    other = net.http.get(f"/pay/{id}", params={"return_url": "http://evil.test/"})
    assert other.json()["code"] == "return_url_mismatch"
    lost = net.intent(reference="<b>&", returnUrl=back)
    assert "<b>&" not in net.http.get(f"/pay/{lost}").text
    assert net.http.post(f"/pay/{lost}", data=form | {"number": DROPPED}).status_code == 504
    assert net.http.get(f"/pay/{lost}").headers["location"].endswith("result=authorized")
    assert "4242 4242 4242 4242" in net.http.get("/").text
    missing = net.http.get("/pay/none", headers={"accept": "text/html"})
    assert missing.status_code == 404
    assert "<h1>" in missing.text


@pytest.mark.parametrize(
    ("path", "raw", "status", "code"),
    [
        ("/intents", "{", 400, "malformed_json"),
        ("/intents", "[1]", 400, "malformed_json"),
        ("/intents", '{"amount": NaN}', 400, "malformed_json"),
        ("/intents", "[" * 60000, 400, "malformed_json"),
        ("/intents", '{"a": ' + "9" * 5000 + "}", 400, "malformed_json"),
        ("/intents", '"' + "x" * 70000 + '"', 413, "too_large"),
        ("/intents", "{}", 422, "invalid"),
        ("/intents/none/confirm", f'{{"number": "{SUCCESS}"}}', 404, "not_found"),
        ("/intents/none/confirm", '{"token": "tok_x"}', 422, "unknown_token"),
        ("/intents/%ff%ed%a0%80/void", "{}", 404, "not_found"),
        ("/intents/none/refunds", '{"id": "r", "amountMinor": -1}', 422, "invalid_amount"),
        ("/webhook-endpoints", '{"url": "ftp://x", "secret": "s"}', 422, "invalid_url"),
        ("/webhook-endpoints", '{"url": "http://x", "secret": "s"}', 422, "invalid_secret"),
        ("/nowhere", "{}", 404, "not_found"),
    ],
)
def test_bad_bodies(net: Network, path: str, raw: str, status: int, code: str) -> None:
    answer = net.http.post(path, content=raw)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"id": "a b"}, "id"),
        ({"id": 5}, "id"),
        ({"amount": None}, "amount"),
        ({"amount": {"currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": 0, "currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": -5, "currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": 1.5, "currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": True, "currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": 10**12, "currency": "USD"}}, "amount.minor"),
        ({"amount": {"minor": 5, "currency": "usd"}}, "amount.currency"),
        ({"reference": ""}, "reference"),
        ({"reference": "\ud800"}, "reference"),
        ({"returnUrl": "javascript:alert(1)"}, "returnUrl"),
        ({"returnUrl": "http://a:b@c/"}, "returnUrl"),
        ({"captureMethod": "later"}, "captureMethod"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_bad_fields_change_nothing(net: Network, change: Doc, at: str) -> None:
    good = {"id": uuid4().hex, "amount": {"minor": 1, "currency": "USD"}, "reference": "r"}
    answer = net.http.post("/intents", content=json.dumps(good | change))
    assert (answer.status_code, answer.json()["field"]) == (422, at)
    assert net.http.get(f"/intents/{good['id']}").status_code == 404


def test_the_key_is_wanted(net: Network) -> None:
    bare = httpx.Client(base_url=f"http://127.0.0.1:{net.port}")
    with bare:
        for path in ("/intents/x", "/intents?reference=r", "/balance", "/payouts/x"):
            assert bare.get(path).status_code == 401
        wrong = {"authorization": "Bearer sk_test_wrong"}
        assert bare.post("/intents", json={}, headers=wrong).json()["code"] == "unauthenticated"
        assert bare.request("DELETE", "/intents").status_code == 405


def test_find_by_reference(net: Network) -> None:
    reference = uuid4().hex
    ids = [net.intent(reference=reference) for _ in range(2)]
    found = net.http.get("/intents", params={"reference": reference}).json()
    assert sorted(i["id"] for i in found["items"]) == sorted(ids)
    assert found["next"] is None


def test_kill_and_restart(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    network = Network(tmp_path, port, *QUICK)
    shop = Receiver(url=receiver.url.replace("from=cards", "from=other"))
    assert network.post("/webhook-endpoints", {"url": shop.url, "secret": SECRET}).is_success
    receiver.status = 503
    id, waiting = network.captured(), network.captured(REFUND_WAITS)
    network.post(f"/intents/{waiting}/refunds", {"id": "re-1", "amountMinor": 400})
    until(lambda: len(receiver.of(id)) >= 2)
    assert set(receiver.types(id)) == {"intent.authorized"}, "the second waits for the first"
    second = start(port + 1 if port < 65535 else port - 1, network.data)
    assert second.wait(10) == 1
    assert "locked" in second.communicate()[1]
    taken = start(port, tmp_path / "other.db")
    assert taken.wait(10) == 1
    assert "cannot listen" in taken.communicate()[1]
    assert network.stop(signal.SIGKILL) == -signal.SIGKILL
    receiver.hooks.clear()
    receiver.status = 204
    network = Network(tmp_path, port, *QUICK)
    assert network.get(id)["status"] == "captured"
    until(lambda: receiver.types(id) == ["intent.authorized", "intent.captured"])
    until(lambda: network.get(waiting)["refundedMinor"] == 400)
    totals = network.http.get("/balance").json()["items"]
    assert totals[0]["capturedMinor"] == 2000
    assert totals[0]["balanceMinor"] == 1600
    until(lambda: receiver.types(waiting)[-1:] == ["intent.refunded"])
    receiver.hooks.clear()
    assert network.stop(signal.SIGINT) == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    port = free_port()
    module = "haat.domains.money.payments.providers.testcard"
    child = [sys.executable, "-m", module, "--parent-death", "--port", str(port)]
    child += ["--data", str(tmp_path / "cards.db")]
    program = f"import subprocess, time; subprocess.Popen({child!r}); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert "ready" in parent.stdout.readline()
    parent.kill()
    parent.wait(5)
    # Its end closes the pipe; a network that lived on would hold it open.
    assert parent.stdout.read() == ""
    parent.stdout.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health")


def test_an_intent_that_is_confirmed_as_it_is_made(net: Network) -> None:
    def body(means: object) -> Doc:
        amount = {"minor": 1000, "currency": "USD"}
        return {"id": uuid4().hex, "reference": "r", "amount": amount, "confirm": means}

    made = body({"number": SUCCESS})
    for _ in range(2):
        assert net.post("/intents", made).json()["status"] == "authorized"
    assert net.post("/intents", made | {"reference": "s"}).json()["code"] == "id_taken"
    unknown = body({"token": "tok_none"})
    refused = net.post("/intents", unknown)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_token")
    assert net.get(str(unknown["id"]))["status"] == "requires_payment"
    assert net.post("/intents", body("now")).status_code == 422
    declined = body({"number": "4000000000000002"})
    assert net.post("/intents", declined).json()["declineCode"] == "do_not_honor"
    # A card is tried only where none was yet: another one needs a call of its own.
    again = net.post("/intents", declined | {"confirm": {"number": SUCCESS}})
    assert again.json()["status"] == "declined"


def test_a_shop_that_moves_takes_along_what_waits_for_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    network = Network(tmp_path, free_port(), *QUICK)
    gone = {"url": f"http://127.0.0.1:{free_port()}/hooks", "secret": SECRET}
    assert network.post("/webhook-endpoints", gone).is_success
    id = network.captured()
    shop = Receiver(url=receiver.url.replace("from=cards", "from=moved"))
    assert network.post("/webhook-endpoints", {"url": shop.url, "secret": SECRET}).is_success
    until(lambda: receiver.types(id) == ["intent.authorized", "intent.captured"])
    assert network.stop(signal.SIGTERM) == 0
    with sqlite3.connect(network.data) as file:
        assert file.execute("SELECT url FROM endpoints").fetchall() == [(shop.url,)]
        assert file.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
    file.close()


def test_what_waits_behind_a_failed_delivery_is_not_due_before_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "cards.db")
    with store.transaction():
        store.register("http://shop/hooks", SECRET, "2026-01-01T00:00:00Z", 1.0)
        for number in range(2):
            store.emit(f"evt-{number}", "pi-1", {}, 10.0)
        (first,) = store.claim(10.0, 5)
        store.put_off(first.id, 70.0)
        store.emit("evt-2", "pi-1", {}, 20.0)
    assert store.next_due_s() == 70.0
    with store.transaction():
        store.register("http://shop/hooks", SECRET, "2026-01-01T00:00:00Z", 30.0)
        assert [one.event_id for one in store.claim(30.0, 5)] == ["evt-0"]
        store.delivered([first.id])
        assert [one.event_id for one in store.claim(30.0, 5)] == ["evt-1"]
    store.close()
