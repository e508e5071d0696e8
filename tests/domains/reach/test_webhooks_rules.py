"""Webhooks' decisions: signatures, the schedule of tries, and what is told of which event."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some
from standardwebhooks import Webhook

from haat.domains.goods.catalog.api import ProductRejected
from haat.domains.reach.webhooks import reactions
from haat.domains.reach.webhooks.catalogue import BY_TYPE, KINDS, TEST, news_of, trial_body
from haat.domains.reach.webhooks.rules import (
    RETRY_AFTER_MAX,
    SCHEDULE,
    next_try,
    readable,
    secret_of,
    signature,
)
from haat.domains.trade.orders.api import OrderCancelled, OrderCreated, OrderUnpaid, VendorPart
from haat.kernel.events import noted_in
from tests.domains.people.doubles import NOON
from tests.domains.reach.doubles import heard, order, usd

SECONDS = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


def test_the_specifications_own_signature() -> None:
    """From the specification's reference tests."""
    found = signature(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        b'{"test": 2432232314}',
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    raw=some.binary(min_size=24, max_size=64),
    body=some.text(max_size=200),
    at=some.integers(0, 4_000_000_000),
)
def test_somebody_elses_library_agrees(raw: bytes, body: str, at: int) -> None:
    secrets = [secret_of(raw), secret_of(raw[::-1])]
    found = signature(secrets, "msg_1", at, body.encode()).split(" ")
    when = datetime.fromtimestamp(at, UTC)
    assert found == [Webhook(one).sign("msg_1", when, body) for one in secrets]


def test_a_secret_is_written_as_the_specification_says() -> None:
    secret = secret_of(b"\xff" * 32)
    assert secret.startswith("whsec_")
    assert base64.b64decode(secret.removeprefix("whsec_"), validate=True) == b"\xff" * 32


def test_the_schedule() -> None:
    assert [one.total_seconds() for one in SCHEDULE] == SECONDS
    for step in range(len(SECONDS) - 1):
        for draw in (0, 999):
            due = next_try(step, NOON, draw, {}, 500)
            assert due is not None
            waits = (due - NOON).total_seconds()
            assert SECONDS[step + 1] <= waits <= SECONDS[step + 1] * 1.1
    assert next_try(len(SECONDS) - 1, NOON, 0, {}, 500) is None


@pytest.mark.parametrize(
    ("said", "waits_s"),
    [
        ("120", 120),
        ("1", 5),  # never sooner than the schedule
        ("999999999999999999999", RETRY_AFTER_MAX.total_seconds()),
        (format_datetime(NOON + timedelta(minutes=7), usegmt=True), 420),
        (format_datetime(NOON - timedelta(minutes=7), usegmt=True), 5),
        (format_datetime(NOON + timedelta(days=9), usegmt=True), RETRY_AFTER_MAX.total_seconds()),
        ("soon", 5),
        ("-5", 5),
        ("1e3", 5),
        ("٣", 5),
        ("", 5),
    ],
)
def test_who_says_when_to_come_again_is_believed(said: str, waits_s: float) -> None:
    for status in (429, 503):
        due = next_try(0, NOON, 0, {"retry-after": said}, status)
        assert due is not None
        assert (due - NOON).total_seconds() == waits_s
    assert next_try(0, NOON, 0, {"retry-after": "120"}, 500) == NOON + timedelta(seconds=5)


@given(some.binary(max_size=1500))
def test_any_answer_can_be_stored_and_shown(raw: bytes) -> None:
    text = readable(raw)
    assert len(text) <= 1024
    assert "\0" not in text
    text.encode()


def test_every_event_of_the_catalogue_is_heard_and_every_heard_one_is_in_it() -> None:
    told = {one.event for one in noted_in(reactions).reactions}
    assert told == {one.event for one in KINDS}
    assert len(BY_TYPE) == len(KINDS)
    assert TEST not in BY_TYPE


def test_fields_that_are_told_exist() -> None:
    made = {"lines", "net", "total", "vendor_order_id", "number"}  # of parts of orders
    for kind in KINDS:
        missing = set(kind.fields) - set(kind.event.model_fields)
        if kind.event in (OrderCreated, OrderUnpaid) or kind.type == "order.paid":
            missing -= made
        assert missing == set(), kind.type


def test_no_vendor_is_told_who_the_customer_is() -> None:
    for kind in KINDS:
        if kind.right is not None:
            assert {"person_id", "email", "ship_to", "actor"}.isdisjoint(kind.fields), kind.type


def test_each_vendor_is_told_its_own_part() -> None:
    ours, theirs = uuid4(), uuid4()
    parts = [
        VendorPart(
            vendor_order_id=uuid4(), vendor_id=vendor, number=f"H-1-{n}", total=usd(n), net=usd(n)
        )
        for n, vendor in ((1, ours), (2, theirs))
    ]
    known = order(uuid4())
    first = known.vendor_orders[0].model_copy(
        update={"id": parts[0].vendor_order_id, "vendor_id": ours}
    )
    known = known.model_copy(update={"vendor_orders": [first]})
    event = heard(
        OrderCreated(
            order_id=known.id, number="H-1", person_id=uuid4(), total=usd(3), vendor_orders=parts
        )
    )
    market, mine, other = news_of(event, {known.id: known})
    assert market.vendor_id is None
    assert len(market.data["vendorOrders"]) == 2
    assert (mine.vendor_id, other.vendor_id) == (ours, theirs)
    assert mine.data["number"] == "H-1-1"
    assert mine.data["total"] == {"minor": 1, "currency": "USD"}
    [line] = mine.data["lines"]
    assert (line["sku"], line["quantity"], line["unitPrice"]["minor"]) == ("B-1", 2, 1000)
    assert {"commission", "terms", "tax"}.isdisjoint(line)
    text = json.dumps(mine.data)
    for foreign in (theirs, parts[1].vendor_order_id, event.person_id, "H-1-2"):
        assert str(foreign) not in text
    assert other.data["lines"] == []


def test_the_shapes_of_some_others() -> None:
    vendor, other, known = uuid4(), uuid4(), order(uuid4())
    part = known.vendor_orders[0]
    unpaid = heard(
        OrderUnpaid(
            order_id=known.id, number="H-1", person_id=None, reason="no", total=usd(1), lines=[]
        )
    )
    assert [one.vendor_id for one in news_of(unpaid, {})] == [None]
    _, told = news_of(unpaid, {known.id: known})
    assert told.vendor_id == part.vendor_id
    assert told.data == {
        "vendorId": str(part.vendor_id),
        "orderId": str(known.id),
        "vendorOrderId": str(part.id),
        "number": part.number,
        "was": "authorized",
    }
    offer = uuid4()
    cancelled = heard(
        OrderCancelled(
            order_id=known.id,
            vendor_order_id=part.id,
            vendor_id=vendor,
            person_id=uuid4(),
            number="H-1-1",
            kind="cancelled",
            reason="changed my mind",
            total=usd(5),
            lines=[(offer, 2)],
        )
    )
    _, told = news_of(cancelled, {})
    assert told.data["lines"] == [{"offerId": str(offer), "quantity": 2}]
    rejected = heard(
        ProductRejected(
            product_id=uuid4(), vendor_id=vendor, title="T", reason="R", also_vendor_ids=[other]
        )
    )
    _, one, two = news_of(rejected, {})
    assert (one.data["vendorId"], two.data["vendorId"]) == (str(vendor), str(other))
    assert str(other) not in json.dumps(one.data)


def test_messages_look_as_the_specification_proposes() -> None:
    said = json.loads(trial_body("msg_1", uuid4(), NOON))
    assert list(said) == ["id", "type", "version", "timestamp", "data"]
    assert (said["type"], said["timestamp"]) == (TEST, "2026-03-01T12:00:00Z")


def test_the_page_for_receivers_has_the_catalogue() -> None:
    page = (Path(__file__).parents[3] / "docs/operate/webhooks.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 5]
    expected = [
        f"| `{one.type}` | {one.summary} | {f'`{one.right}`' if one.right else 'the market alone'}"
        f" | {', '.join(f'`{name}`' for name in one.told)} |"
        for one in sorted(KINDS, key=lambda kind: kind.type)
    ]
    assert rows == expected


def test_the_page_for_receivers_checks_signatures_rightly() -> None:
    """Its code, as it stands there."""
    page = (Path(__file__).parents[3] / "docs/operate/webhooks.md").read_text("utf-8")
    code = next(part for part in page.split("```python\n") if part.startswith("import base64"))
    known: dict[str, Any] = {}
    exec(code.partition("```")[0], known)  # noqa: S102 - our own page
    secret, other = secret_of(b"k" * 32), secret_of(b"o" * 32)
    at = int(time.time())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at)}
    headers["webhook-signature"] = signature([other, secret], "msg_1", at, b"{}")
    assert known["is_ours"](secret, headers, b"{}")
    assert not known["is_ours"](secret, headers, b"{ }")
    assert not known["is_ours"](secret_of(b"x" * 32), headers, b"{}")
    old = {**headers, "webhook-timestamp": str(at - 400)}
    old["webhook-signature"] = signature([secret], "msg_1", at - 400, b"{}")
    assert not known["is_ours"](secret, old, b"{}")
