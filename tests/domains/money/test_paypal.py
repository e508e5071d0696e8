"""The PayPal adapter against a stand-in whose requests and answers PayPal's OpenAPI files judge."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import Ask, ProviderRefused
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.money.paypal_double import NOW
from tests.domains.money.paypal_shop import EUR, RETURN, Shop, shop

__all__ = ["shop"]


# -- the token -------------------------------------------------------------------------------------


async def test_one_token_serves_until_shortly_before_it_expires(shop: Shop) -> None:
    await shop.captured()
    assert shop.there.tokens == 1
    shop.clock.set(NOW + timedelta(seconds=32400 - 61))
    await shop.adapter.hold(shop.ctx, shop.ask())
    assert shop.there.tokens == 1
    shop.clock.set(NOW + timedelta(seconds=32400 - 59))
    await shop.adapter.hold(shop.ctx, shop.ask())
    assert shop.there.tokens == 2


async def test_a_withdrawn_token_is_fetched_anew_once(shop: Shop) -> None:
    await shop.adapter.hold(shop.ctx, shop.ask())
    shop.there.fail("/v2/checkout/orders", "withdrawn", times=1)
    found = await shop.adapter.hold(shop.ctx, shop.ask())
    assert (found.status, shop.there.tokens) == ("needs_action", 2)
    shop.there.fail("/v2/checkout/orders", "withdrawn", times=2)
    with pytest.raises(ProviderAway):
        await shop.adapter.hold(shop.ctx, shop.ask())
    assert shop.there.tokens == 3


async def test_wrong_keys_are_no_answer_about_the_payment(shop: Shop) -> None:
    shop.there.token_refused = True
    with pytest.raises(ProviderAway):
        await shop.adapter.hold(shop.ctx, shop.ask())
    assert shop.there.requests == []


# -- holding ---------------------------------------------------------------------------------------


async def test_the_customer_is_sent_to_paypal_with_our_ids_on_the_order(shop: Shop) -> None:
    ask = replace(shop.ask(), description="Order 1001")
    found = await shop.adapter.hold(shop.ctx, ask)
    assert found.status == "needs_action"
    assert found.action_url == f"https://www.paypal.com/checkoutnow?token={found.ref}"
    assert (found.id, found.reference, found.amount) == (ask.id, str(ask.reference), ask.amount)
    (body,) = shop.there.calls("/v2/checkout/orders$")
    assert body["purchase_units"] == [
        {
            "reference_id": str(ask.reference),
            "custom_id": str(ask.id),
            "invoice_id": str(ask.id),
            "amount": {"currency_code": "EUR", "value": "12.34"},
            "description": "Order 1001",
        }
    ]
    context = body["payment_source"]["paypal"]["experience_context"]
    assert (context["return_url"], context["cancel_url"]) == (RETURN, RETURN)


async def test_holding_twice_makes_one_order(shop: Shop) -> None:
    ask = shop.ask()
    first, second = await asyncio.gather(
        shop.adapter.hold(shop.ctx, ask), shop.adapter.hold(shop.ctx, ask)
    )
    assert first.ref == second.ref
    assert len(shop.there.orders) == 1


async def test_an_order_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    ask = shop.ask()
    shop.there.fail("/v2/checkout/orders$", "lost")
    with pytest.raises(ProviderAway):
        await shop.adapter.hold(shop.ctx, ask)
    assert await shop.adapter.read(shop.ctx, ask.id) is None
    found = await shop.adapter.hold(shop.ctx, ask)
    assert list(shop.there.orders) == [found.ref]


async def test_nothing_is_authorized_for_another_amount(shop: Shop) -> None:
    first = await shop.approved()
    reference = UUID(first.reference)
    other = Ask(first.id, reference, Money(minor=99, currency="EUR"), None, RETURN)
    shop.there.repeated.clear()  # even when PayPal has forgotten the request's id
    shop.there.orders[first.ref].request["purchase_units"][0]["amount"]["value"] = "99.00"
    shop.there.repeated[("/v2/checkout/orders", str(first.id))] = (
        200,
        shop.there.shown(shop.there.orders[first.ref]),
    )
    found = await shop.adapter.hold(shop.ctx, other)
    assert found.amount == Money(minor=9900, currency="EUR")
    assert shop.there.calls("/authorize$") == []


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        (Money(minor=1500, currency="JPY"), "1500"),
        (Money(minor=250_000, currency="HUF"), "2500"),
        (Money(minor=30_00, currency="TWD"), "30"),
        (Money(minor=5, currency="USD"), "0.05"),
        (Money(minor=123_456_789_01, currency="USD"), "123456789.01"),
    ],
)
async def test_amounts_there_and_back(shop: Shop, amount: Money, value: str) -> None:
    found = await shop.captured(amount)
    assert (found.status, found.amount, found.captured_minor) == ("captured", amount, amount.minor)
    (body,) = shop.there.calls("/capture$")
    assert body["amount"] == {"currency_code": amount.currency, "value": value}


@pytest.mark.parametrize("currency", ["HUF", "TWD"])
async def test_cents_are_refused_where_paypal_has_none(shop: Shop, currency: str) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await shop.adapter.hold(shop.ctx, shop.ask(Money(minor=1001, currency=currency)))
    assert refused.value.code == "DECIMALS_NOT_SUPPORTED"
    assert shop.there.orders == {}


async def test_what_paypal_does_not_take_is_refused_in_its_words(shop: Shop) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await shop.adapter.hold(shop.ctx, shop.ask(Money(minor=1234, currency="KWD")))
    assert refused.value.code == "DECIMAL_PRECISION"


# -- after the approval ----------------------------------------------------------------------------


async def test_an_approved_order_is_authorized_when_it_is_read(shop: Shop) -> None:
    first = await shop.approved()
    found = await shop.adapter.read(shop.ctx, first.id, ref=first.ref)
    again = await shop.adapter.read(shop.ctx, first.id, ref=first.ref)
    assert found is not None
    assert (found.status, found.amount, found.captured_minor) == ("authorized", EUR, 0)
    assert (found.id, found.reference, found.action_url) == (first.id, first.reference, None)
    assert again == found
    assert len(shop.there.calls("/authorize$")) == 1


async def test_holding_again_after_the_approval_authorizes_too(shop: Shop) -> None:
    ask = shop.ask()
    first = await shop.adapter.hold(shop.ctx, ask)
    shop.there.approve(first.ref)
    shop.there.repeated[("/v2/checkout/orders", str(ask.id))] = (
        200,
        shop.there.shown(shop.there.orders[first.ref]),
    )
    assert (await shop.adapter.hold(shop.ctx, ask)).status == "authorized"


async def test_two_readers_authorize_once(shop: Shop) -> None:
    first = await shop.approved()
    found = await asyncio.gather(
        *(shop.adapter.read(shop.ctx, first.id, ref=first.ref) for _ in range(4))
    )
    assert {one.status for one in found if one} == {"authorized"}
    assert len(shop.there.orders[first.ref].authorizations) == 1


@pytest.mark.parametrize("issue", ["PAYER_CANNOT_PAY", "TRANSACTION_REFUSED", "ORDER_EXPIRED"])
async def test_a_refused_authorization_is_declined(shop: Shop, issue: str) -> None:
    first = await shop.approved()
    shop.there.authorize_says = issue
    found = await shop.adapter.read(shop.ctx, first.id, ref=first.ref)
    assert found is not None
    assert (found.status, found.decline_code, found.action_url) == ("declined", issue, None)


@pytest.mark.parametrize("issue", ["PAYER_ACTION_REQUIRED", "ORDER_NOT_APPROVED"])
async def test_the_customer_may_have_to_go_back(shop: Shop, issue: str) -> None:
    first = await shop.approved()
    shop.there.authorize_says = issue
    found = await shop.adapter.read(shop.ctx, first.id, ref=first.ref)
    assert found is not None
    assert (found.status, found.action_url) == ("needs_action", first.action_url)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("CREATED", "authorized"),
        ("PENDING", "needs_action"),
        ("DENIED", "declined"),
        ("VOIDED", "voided"),
    ],
)
async def test_what_authorizations_mean(shop: Shop, theirs: str, ours: str) -> None:
    shop.there.authorization_status = theirs
    assert (await shop.authorized()).status == ours


async def test_an_authorization_of_less_tells_its_own_amount(shop: Shop) -> None:
    held = await shop.authorized()
    shop.there.orders[held.ref].authorizations[0]["amount"] = {
        "currency_code": "EUR",
        "value": "1.00",
    }
    found = await shop.adapter.read(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.amount == Money(minor=100, currency="EUR")


# -- capturing -------------------------------------------------------------------------------------


async def test_a_capture_takes_all_and_is_taken_once(shop: Shop) -> None:
    held = await shop.authorized()
    found = await asyncio.gather(
        *(shop.adapter.capture(shop.ctx, held.id, ref=held.ref) for _ in range(3))
    )
    assert {(one.status, one.captured_minor) for one in found if one} == {("captured", EUR.minor)}
    assert len(shop.there.orders[held.ref].captures) == 1
    assert {body["final_capture"] for body in shop.there.calls("/capture$")} == {True}


async def test_a_capture_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    held = await shop.authorized()
    shop.there.fail("/capture$", "lost")
    with pytest.raises(ProviderAway):
        await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.status == "captured"
    assert len(shop.there.orders[held.ref].captures) == 1


@pytest.mark.parametrize("fault", ["status", "garbage", "unreached"])
async def test_no_answer_leaves_the_capture_open(shop: Shop, fault: str) -> None:
    held = await shop.authorized()
    shop.there.fail("/capture$", fault)  # type: ignore[arg-type]
    with pytest.raises(ProviderAway):
        await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    shop.there.faults.clear()
    found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.status == "captured"
    assert len(shop.there.orders[held.ref].captures) == 1


@pytest.mark.parametrize("authorization", ["CAPTURED", "PARTIALLY_CAPTURED"])
async def test_a_pending_capture_is_not_captured_yet(shop: Shop, authorization: str) -> None:
    shop.there.capture_status = "PENDING"
    held = await shop.authorized()
    await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    shop.there.orders[held.ref].authorizations[0]["status"] = authorization
    for _ in range(2):
        found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
        assert found is not None
        assert (found.status, found.captured_minor) == ("authorized", 0)
    assert len(shop.there.calls("/capture$")) == 1
    shop.there.orders[held.ref].captures[0]["status"] = "COMPLETED"
    found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.status == "captured"


async def test_a_declined_capture_can_be_voided(shop: Shop) -> None:
    shop.there.capture_status = "DECLINED"
    held = await shop.authorized()
    found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert (found.status, found.decline_code) == ("declined", "DECLINED")
    ended = await shop.adapter.void(shop.ctx, held.id, ref=held.ref)
    assert ended is not None
    assert ended.status == "voided"
    assert shop.there.orders[held.ref].authorizations[0]["status"] == "VOIDED"


async def test_a_refused_capture_is_a_refusal(shop: Shop) -> None:
    held = await shop.authorized()
    shop.there.capture_says = "AUTHORIZATION_EXPIRED"
    with pytest.raises(ProviderRefused) as refused:
        await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert refused.value.code == "AUTHORIZATION_EXPIRED"


async def test_a_capture_after_a_void_by_hand_says_voided(shop: Shop) -> None:
    held = await shop.authorized()
    shop.there.orders[held.ref].authorizations[0]["status"] = "VOIDED"
    found = await shop.adapter.capture(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.status == "voided"


async def test_unknown_payments(shop: Shop) -> None:
    id = uuid4()
    for ref in (None, "5O190127TN364715T"):
        assert await shop.adapter.read(shop.ctx, id, ref=ref) is None
        assert await shop.adapter.capture(shop.ctx, id, ref=ref) is None
        assert await shop.adapter.void(shop.ctx, id, ref=ref) is None
        with pytest.raises(ProviderRefused):
            await shop.adapter.refund(shop.ctx, id, uuid4(), EUR, ref=ref)


async def test_an_order_of_another_payment_is_never_believed(shop: Shop) -> None:
    held = await shop.authorized()
    with pytest.raises(ProviderAway):
        await shop.adapter.capture(shop.ctx, uuid4(), ref=held.ref)
    with pytest.raises(ProviderAway):
        await shop.adapter.read(shop.ctx, held.id, ref="../../v1/payments/payouts")
    assert shop.there.orders[held.ref].captures == []


@pytest.mark.parametrize("call", ["void", "refund"])
async def test_a_call_while_the_same_is_under_way_is_no_answer(shop: Shop, call: str) -> None:
    held = await (shop.authorized() if call == "void" else shop.captured())
    shop.there.in_progress = True
    again = (
        shop.adapter.void(shop.ctx, held.id, ref=held.ref)
        if call == "void"
        else shop.adapter.refund(shop.ctx, held.id, uuid4(), EUR, ref=held.ref)
    )
    with pytest.raises(ProviderAway):
        await again
    assert len(shop.there.calls(f"/{call}$")) == 1


# -- voiding ---------------------------------------------------------------------------------------


async def test_voiding_twice(shop: Shop) -> None:
    held = await shop.authorized()
    for _ in range(2):
        found = await shop.adapter.void(shop.ctx, held.id, ref=held.ref)
        assert found is not None
        assert found.status == "voided"
    assert len(shop.there.calls("/void$")) == 1


async def test_a_void_whose_answer_was_lost(shop: Shop) -> None:
    held = await shop.authorized()
    shop.there.fail("/void$", "lost", times=1)
    found = await shop.adapter.void(shop.ctx, held.id, ref=held.ref)
    assert found is not None
    assert found.status == "voided"  # said by the order: the repetition was PREVIOUSLY_VOIDED


async def test_a_void_that_comes_after_the_capture_says_captured(shop: Shop) -> None:
    paid = await shop.captured()
    found = await shop.adapter.void(shop.ctx, paid.id, ref=paid.ref)
    assert found is not None
    assert (found.status, found.captured_minor) == ("captured", EUR.minor)


async def test_voiding_never_authorizes(shop: Shop) -> None:
    first = await shop.approved()
    found = await shop.adapter.void(shop.ctx, first.id, ref=first.ref)
    assert found is not None
    assert (found.status, found.action_url) == ("voided", None)
    assert shop.there.orders[first.ref].authorizations == []


# -- refunds ---------------------------------------------------------------------------------------


async def test_partial_refunds_until_nothing_is_left(shop: Shop) -> None:
    paid = await shop.captured()
    first, second = uuid4(), uuid4()
    part, rest = Money(minor=4_00, currency="EUR"), Money(minor=8_34, currency="EUR")
    given = await shop.adapter.refund(shop.ctx, paid.id, first, part, ref=paid.ref)
    assert (given.id, given.payment_id, given.amount, given.status) == (
        first,
        paid.id,
        part,
        "done",
    )
    again = await shop.adapter.refund(shop.ctx, paid.id, first, part, ref=paid.ref)
    assert again == given
    await shop.adapter.refund(shop.ctx, paid.id, second, rest, ref=paid.ref)
    with pytest.raises(ProviderRefused) as refused:
        await shop.adapter.refund(shop.ctx, paid.id, uuid4(), part, ref=paid.ref)
    assert refused.value.code == "REFUND_AMOUNT_EXCEEDED"
    found = await shop.adapter.read(shop.ctx, paid.id, ref=paid.ref)
    assert found is not None
    assert (found.status, found.captured_minor) == ("captured", EUR.minor)


async def test_a_refund_is_known_after_paypal_forgot_its_request(shop: Shop) -> None:
    paid, id = await shop.captured(), uuid4()
    shop.there.fail("/refund$", "lost")
    with pytest.raises(ProviderAway):
        await shop.adapter.refund(shop.ctx, paid.id, id, EUR, ref=paid.ref)
    shop.there.repeated.clear()
    given = await shop.adapter.refund(shop.ctx, paid.id, id, EUR, ref=paid.ref)
    assert given.status == "done"
    assert len(shop.there.orders[paid.ref].refunds) == 1


async def test_two_at_once_refund_once(shop: Shop) -> None:
    paid, id = await shop.captured(), uuid4()
    part = Money(minor=1_00, currency="EUR")
    await asyncio.gather(
        *(shop.adapter.refund(shop.ctx, paid.id, id, part, ref=paid.ref) for _ in range(3))
    )
    assert len(shop.there.orders[paid.ref].refunds) == 1


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("COMPLETED", "done"), ("PENDING", "pending"), ("FAILED", "failed"), ("CANCELLED", "failed")],
)
async def test_what_refunds_mean(shop: Shop, theirs: str, ours: str) -> None:
    shop.there.refund_status = theirs
    paid = await shop.captured()
    given = await shop.adapter.refund(shop.ctx, paid.id, uuid4(), EUR, ref=paid.ref)
    assert given.status == ours


async def test_every_step_has_a_request_id_of_its_own(shop: Shop) -> None:
    paid = await shop.captured()
    named = {(path, id) for path, id in shop.there.repeated}
    authorization = shop.there.orders[paid.ref].authorizations[0]["id"]
    assert named == {
        ("/v2/checkout/orders", str(paid.id)),
        (f"/v2/checkout/orders/{paid.ref}/authorize", str(derive(paid.id, "authorize"))),
        (f"/v2/payments/authorizations/{authorization}/capture", str(derive(paid.id, "capture"))),
    }
