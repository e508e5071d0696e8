"""A shop with the PayPal adapter, and PayPal's stand-in on the other side."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from haat.domains.money.payments.api import Destination
from haat.domains.money.payments.providers.paypal.adapter import PayPal
from haat.domains.money.payments.providers.port import Ask, ProviderPayment
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.money import Money
from tests.domains.money.paypal_double import CLIENT, NOW, SECRET, URL, WEBHOOK, PayPalDouble

RETURN = "https://shop.example/checkout/return"
EUR = Money(minor=12_34, currency="EUR")


def settings(**changes: str) -> PaymentsSettings:
    found = {
        "paypal_client_id": CLIENT,
        "paypal_client_secret": SECRET,
        "paypal_webhook_id": WEBHOOK,
        "paypal_url": URL,
    }
    return PaymentsSettings.model_validate({**found, **changes})


@dataclass
class Shop:
    """The adapter, the other side, and a clock of their own."""

    there: PayPalDouble
    http: HttpClient
    adapter: PayPal
    clock: SettableClock

    @property
    def ctx(self) -> Context:
        return Context(clock=self.clock)

    def ask(self, amount: Money = EUR) -> Ask:
        return Ask(uuid4(), uuid4(), amount, None, RETURN)

    async def approved(self, amount: Money = EUR) -> ProviderPayment:
        """A payment that the customer has approved, not authorized yet."""
        found = await self.adapter.hold(self.ctx, self.ask(amount))
        self.there.approve(found.ref)
        return found

    async def authorized(self, amount: Money = EUR) -> ProviderPayment:
        first = await self.approved(amount)
        found = await self.adapter.read(self.ctx, first.id, ref=first.ref)
        assert found is not None
        return found

    async def captured(self, amount: Money = EUR) -> ProviderPayment:
        held = await self.authorized(amount)
        found = await self.adapter.capture(self.ctx, held.id, ref=held.ref)
        assert found is not None
        return found


def to(receiver: str | None = "vendor@example.com") -> Destination:
    return Destination(holder="Rahima's Weavery", account="-----", provider_ref=receiver)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    there = PayPalDouble()
    async with there.client() as http:
        yield Shop(there, http, PayPal(settings(), http), SettableClock(NOW))
