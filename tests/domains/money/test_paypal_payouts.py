"""Payouts through PayPal, its report, and its set-up."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.configured import configured
from haat.domains.money.payments.providers.paypal.adapter import PayPal
from haat.domains.money.payments.providers.port import (
    ProviderRefused,
    Reports,
    VerifiesByAsking,
)
from haat.domains.money.payments.settings import PaymentsSettings
from haat.kernel.errors import Invalid
from haat.kernel.money import Money, parse_decimal
from tests.domains.money.paypal_double import CLIENT, NOW
from tests.domains.money.paypal_shop import EUR, Shop, settings, shop, to

__all__ = ["shop"]


# -- payouts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receiver", "kind"), [("vendor@example.com", "EMAIL"), ("FSMRBANCV8PSG", "PAYPAL_ID")]
)
async def test_a_payout_is_sent_with_our_id(shop: Shop, receiver: str, kind: str) -> None:
    id = uuid4()
    sent = await shop.adapter.disburse(shop.ctx, id, EUR, to(receiver))
    assert (sent.id, sent.amount, sent.status) == (id, EUR, "pending")
    (body,) = shop.there.calls("/v1/payments/payouts$")
    assert body["sender_batch_header"] == {"sender_batch_id": str(id)}
    assert body["items"] == [
        {
            "recipient_type": kind,
            "receiver": receiver,
            "sender_item_id": str(id),
            "amount": {"currency": "EUR", "value": "12.34"},
        }
    ]


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_payout_sent_twice_is_paid_once(shop: Shop, forgotten: bool) -> None:
    id = uuid4()
    shop.there.fail("/v1/payments/payouts$", "lost")
    with pytest.raises(ProviderAway):
        await shop.adapter.disburse(shop.ctx, id, EUR, to())
    if forgotten:
        shop.there.repeated.clear()
    sent = await shop.adapter.disburse(shop.ctx, id, EUR, to())
    assert list(shop.there.batches) == [sent.ref]
    assert (sent.amount, sent.status) == (EUR, "pending")


async def test_a_repetition_that_names_no_batch_is_never_called_failed(shop: Shop) -> None:
    id = uuid4()
    await shop.adapter.disburse(shop.ctx, id, EUR, to())
    shop.there.repeated.clear()
    shop.there.duplicates_linked = False
    with pytest.raises(ProviderAway):
        await shop.adapter.disburse(shop.ctx, id, EUR, to())


async def test_a_known_batch_is_read_and_not_sent_again(shop: Shop) -> None:
    id = uuid4()
    sent = await shop.adapter.disburse(shop.ctx, id, EUR, to())
    shop.there.paid_out(sent.ref, "SUCCESS")
    again = await shop.adapter.disburse(shop.ctx, id, EUR, to(), ref=sent.ref)
    assert (again.status, again.ref) == ("paid", sent.ref)
    assert len(shop.there.calls("/v1/payments/payouts$")) == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("SUCCESS", "paid"),
        ("PENDING", "pending"),
        ("UNCLAIMED", "pending"),
        ("ONHOLD", "pending"),
        ("FAILED", "failed"),
        ("BLOCKED", "failed"),
        ("RETURNED", "failed"),
        ("REFUNDED", "failed"),
        ("REVERSED", "failed"),
    ],
)
async def test_what_payout_items_mean(shop: Shop, theirs: str, ours: str) -> None:
    id = uuid4()
    sent = await shop.adapter.disburse(shop.ctx, id, EUR, to())
    shop.there.paid_out(sent.ref, theirs)
    found = await shop.adapter.read_disbursement(shop.ctx, id, ref=sent.ref)
    assert found is not None
    assert (found.status, found.amount) == (ours, EUR)
    assert found.failure == (theirs if ours == "failed" else None)
    assert await shop.adapter.read_disbursement(shop.ctx, uuid4(), ref=sent.ref) is None


async def test_a_vendor_without_an_account_there_is_refused(shop: Shop) -> None:
    with pytest.raises(ProviderRefused):
        await shop.adapter.disburse(shop.ctx, uuid4(), EUR, to(None))
    assert shop.there.requests == []


# -- the report ------------------------------------------------------------------------------------


def moved(number: int, code: str, value: str, **more: object) -> dict[str, object]:
    at = (NOW - timedelta(minutes=number)).isoformat(timespec="seconds")
    return {
        "transaction_id": f"{number:017d}",
        "transaction_event_code": code,
        "transaction_initiation_date": at,
        "transaction_amount": {"currency_code": "EUR", "value": value},
        "transaction_status": "S",
        **more,
    }


@pytest.mark.parametrize(
    ("code", "value", "kind"),
    [
        ("T0006", "12.34", "capture"),
        ("T0001", "-12.34", "payout"),
        ("T1107", "-3.00", "refund"),
        ("T1201", "-12.34", "dispute"),
        ("T1106", "-12.34", "dispute"),
        ("T1110", "-12.34", "dispute"),
        ("T1111", "12.34", "dispute_won"),
        ("T1202", "12.34", "dispute_won"),
        ("T0106", "-16.00", "fee"),
        ("T1115", "12.34", "payout"),
        ("T0400", "-500.00", "other"),
    ],
)
async def test_what_transactions_mean(shop: Shop, code: str, value: str, kind: str) -> None:
    id = uuid4()
    fee = {"currency_code": "EUR", "value": "-0.72"}
    shop.there.transactions = [moved(5, code, value, fee_amount=fee, custom_field=str(id))]
    since = NOW - timedelta(hours=1)
    (line,), cursor = await shop.adapter.report(shop.ctx, since, NOW, None)
    assert (line.kind, line.our_id, cursor) == (kind, id, None)
    assert line.amount == parse_decimal(value, "EUR")
    assert line.fee == Money(minor=72, currency="EUR")
    assert line.at == NOW - timedelta(minutes=5)


async def test_a_report_is_read_in_spans_and_pages(shop: Shop) -> None:
    day = 24 * 60
    minutes = [*range(1, 251), 40 * day, 70 * day]
    shop.there.transactions = [moved(number, "T0006", "1.00") for number in minutes]
    cursor, found, asked = None, [], 0
    while True:
        lines, cursor = await shop.adapter.report(shop.ctx, NOW - timedelta(90), NOW, cursor)
        found += lines
        asked += 1
        assert len(lines) <= 100
        if cursor is None:
            break
    assert asked == 5
    assert sorted(int(line.provider_ref or 0) for line in found) == minutes
    assert len({line.id for line in found}) == len(minutes)


async def test_the_end_of_a_report_is_not_in_it(shop: Shop) -> None:
    shop.there.transactions = [moved(0, "T0006", "1.00"), moved(60, "T0006", "1.00")]
    lines, _ = await shop.adapter.report(shop.ctx, NOW - timedelta(hours=1), NOW, None)
    assert [line.at for line in lines] == [NOW - timedelta(hours=1)]


@pytest.mark.parametrize("cursor", ["", "x", "2026-11-21|1", "2026-11-21T00:00:00+00:00|0"])
async def test_other_cursors(shop: Shop, cursor: str) -> None:
    if not cursor:
        lines, _ = await shop.adapter.report(shop.ctx, NOW - timedelta(1), NOW, cursor)
        assert lines == []
        return
    with pytest.raises(Invalid):
        await shop.adapter.report(shop.ctx, NOW - timedelta(1), NOW, cursor)


# -- set-up ----------------------------------------------------------------------------------------


async def test_the_webhook_is_looked_at(shop: Shop) -> None:
    await shop.adapter.register(shop.ctx)
    shop.there.event_types = ["CHECKOUT.ORDER.APPROVED"]
    with pytest.raises(ProviderRefused) as refused:
        await shop.adapter.register(shop.ctx)
    assert refused.value.code == "webhook_incomplete"
    assert "PAYMENT.CAPTURE.REFUNDED" in str(refused.value)
    for id, code in (("", "webhook_id_missing"), ("0EH40505U7160970P", "webhook_unknown")):
        other = PayPal(settings(paypal_webhook_id=id), shop.http)
        with pytest.raises(ProviderRefused) as refused:
            await other.register(shop.ctx)
        assert refused.value.code == code


async def test_it_is_offered_when_it_has_keys(shop: Shop) -> None:
    no_database: Any = None  # it keeps nothing of its own
    assert "paypal" not in configured(PaymentsSettings(), shop.http, no_database)
    found = configured(settings(), shop.http, no_database)["paypal"]
    assert (found.kind, found.disburses, found.publishable_key) == ("redirect", True, CLIENT)
    assert isinstance(found, VerifiesByAsking)
    assert isinstance(found, Reports)


@pytest.mark.parametrize(
    ("url", "test_mode"),
    [("https://api-m.paypal.com", False), ("https://api-m.sandbox.paypal.com", True)],
)
async def test_the_sandbox_is_shown_as_such(shop: Shop, url: str, test_mode: bool) -> None:
    assert PayPal(settings(paypal_url=url), shop.http).test_mode is test_mode
