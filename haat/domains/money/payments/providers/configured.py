"""Which providers this installation has."""

from haat.domains.money.payments.api import ProviderInfo
from haat.domains.money.payments.providers.bank import BankTransfers
from haat.domains.money.payments.providers.delivery import CashOnDelivery
from haat.domains.money.payments.providers.drill import DrillCards
from haat.domains.money.payments.providers.paypal.adapter import PayPal
from haat.domains.money.payments.providers.port import KeepsMethods, Onboards, Provider, Reports
from haat.domains.money.payments.providers.recorded import Recorded
from haat.domains.money.payments.providers.stripe.adapter import Stripe
from haat.domains.money.payments.providers.test import TestCards
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database


def configured(settings: PaymentsSettings, http: HttpClient, db: Database) -> dict[str, Provider]:
    """By name, in the order in which checkout offers them: cards first, real before test cards,
    and what keeps an order waiting last."""
    found: list[Provider] = []
    if settings.stripe_secret_key.get_secret_value():
        found.append(Stripe(settings, http))
    if settings.testcard_url:
        found.append(TestCards(settings, http))
    if settings.paypal_client_id:
        found.append(PayPal(settings, http))
    if settings.bank_iban and settings.bank_holder:
        found.append(BankTransfers(db, settings))
    if settings.cash_on_delivery:
        found.append(CashOnDelivery(db))
    if settings.recorded_payments:
        found.append(Recorded(db))
    found.append(DrillCards(settings, http))
    return {provider.name: provider for provider in found}


def told(provider: Provider) -> ProviderInfo:
    """What pages and vendors are told of it."""
    return ProviderInfo(
        name=provider.name,
        label=provider.label,
        kind=provider.kind,
        token_url=provider.token_url,
        publishable_key=provider.publishable_key,
        saves_methods=isinstance(provider, KeepsMethods),
        onboards_vendors=isinstance(provider, Onboards),
        disburses=provider.disburses,
        reports=isinstance(provider, Reports),
        test_mode=provider.test_mode,
    )
