"""What every provider must do, done by PayPal's adapter and the payments service, over sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments import proof
from haat.domains.money.payments.api import Destination
from haat.domains.money.payments.service import PaymentsService
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.faults import faulty
from tests.domains.money.paying import CTX
from tests.domains.money.paypal_double import Order, PayPalDouble, serving
from tests.domains.money.paypal_shop import settings
from tests.domains.money.provider_conformance import Bench, RemoteConformance

DatabaseOf = Callable[[str], Awaitable[Database]]


def order_of(double: PayPalDouble, id: UUID) -> Order:
    (found,) = [
        one
        for one in double.orders.values()
        if one.request["purchase_units"][0]["custom_id"] == str(id)
    ]
    return found


@pytest.fixture
async def double() -> PayPalDouble:
    return PayPalDouble()


class TestPayPal(RemoteConformance):
    @pytest.fixture
    async def bench(
        self, database_of: DatabaseOf, database_url: str, double: PayPalDouble
    ) -> AsyncIterator[Bench]:
        await emptied(database_url, "payments")
        db = await database_of("payments")
        async with serving(double) as url, faulty(url) as proxy, HttpClient() as http:
            service = PaymentsService(db, http, settings(paypal_url=proxy.url))

            async def balance() -> int:
                taken = [one for order in double.orders.values() for one in order.captures]
                given = [one for order in double.orders.values() for one in order.refunds]
                return double.minor(taken) - double.minor(given)

            async def approve(id: UUID) -> None:
                double.approve(order_of(double, id).id)

            async def message(id: UUID, shift_s: float) -> tuple[dict[str, str], bytes]:
                # PayPal tries for three days: what is too old is so by days.
                at = datetime.now(UTC) + timedelta(seconds=400 * shift_s)
                resource = {
                    "id": "1299",
                    "supplementary_data": {"related_ids": {"order_id": order_of(double, id).id}},
                }
                kind = "PAYMENT.AUTHORIZATION.CREATED"
                return double.message(kind, resource, id=f"WH-{id.hex}", at=at)

            yield Bench(
                "paypal",
                db,
                service,
                proxy=proxy,
                approve=approve,
                balance=balance,
                message=message,
                charging="/v2/checkout/orders$",
            )

    async def test_the_message_of_the_approval_authorizes(
        self, bench: Bench, double: PayPalDouble
    ) -> None:
        id = uuid4()
        assert (await bench.hold(id)).status == "needs_action"
        order = order_of(double, id)
        double.approve(order.id)
        headers, body = double.message(
            "CHECKOUT.ORDER.APPROVED", {"id": order.id}, at=datetime.now(UTC)
        )
        for _ in range(2):
            await bench.payments.webhook(CTX, provider="paypal", headers=headers, body=body)
            assert await bench.status(id) == "authorized"
        assert await bench.told("payment.updated", id) == 2  # it needed action before
        assert await bench.taken(id) == "captured"

    async def test_what_is_approved_after_a_void_is_given_up(
        self, bench: Bench, double: PayPalDouble
    ) -> None:
        id = uuid4()
        await bench.hold(id)
        await bench.payments.void(CTX, id=id)
        order = order_of(double, id)
        double.approve(order.id)
        headers, body = double.message(
            "CHECKOUT.ORDER.APPROVED", {"id": order.id}, at=datetime.now(UTC)
        )
        await bench.payments.webhook(CTX, provider="paypal", headers=headers, body=body)
        assert await bench.status(id) == "voided"
        await bench.void_due(900)
        assert order.authorizations[0]["status"] == "VOIDED"

    async def test_a_dispute_is_opened_and_lost(self, bench: Bench, double: PayPalDouble) -> None:
        id = await bench.captured()
        capture = order_of(double, id).captures[0]
        document = {
            "dispute_id": "PP-D-1",
            "disputed_transactions": [{"seller_transaction_id": capture["id"]}],
            "reason": "UNAUTHORISED",
            "status": "WAITING_FOR_SELLER_RESPONSE",
            "dispute_amount": capture["amount"],
        }
        lost = {"status": "RESOLVED", "dispute_outcome": {"outcome_code": "ACCEPTED"}}
        for number, more in enumerate(({}, lost)):
            double.disputes["PP-D-1"] = {**document, **more}
            headers, body = double.message(
                "CUSTOMER.DISPUTE.UPDATED",
                {"dispute_id": "PP-D-1"},
                id=f"WH-{number}",
                at=datetime.now(UTC),
            )
            await bench.payments.webhook(CTX, provider="paypal", headers=headers, body=body)
            assert await bench.told("payment.disputed", id) == number + 1
        [tally] = await bench.payments.tallies(CTX)
        assert tally.disputed == 1299
        assert await proof.prove(bench.db) == []

    async def test_a_payout_is_sent_once_and_ends(self, bench: Bench, double: PayPalDouble) -> None:
        id, amount = uuid4(), bench.money(500)
        where = Destination(holder="Rahima", account="-----", provider_ref="rahima@example.com")
        for _ in range(2):
            sent = await bench.payments.disburse(
                CTX, id=id, amount=amount, destination=where, provider="paypal"
            )
            assert (sent.status, len(double.batches)) == ("pending", 1)
        assert sent.provider_ref is not None
        resource = double.paid_out(sent.provider_ref, "SUCCESS")
        headers, body = double.message(
            "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", resource, at=datetime.now(UTC)
        )
        await bench.payments.webhook(CTX, provider="paypal", headers=headers, body=body)
        sent = await bench.payments.disburse(
            CTX, id=id, amount=amount, destination=where, provider="paypal"
        )
        assert (sent.status, len(double.calls("/v1/payments/payouts$"))) == ("paid", 1)
