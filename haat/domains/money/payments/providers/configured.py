"""Which providers this installation has."""

from haat.domains.money.payments.providers.port import Provider
from haat.domains.money.payments.providers.test import TestCards
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient


def configured(settings: PaymentsSettings, http: HttpClient) -> dict[str, Provider]:
    """By name."""
    found: list[Provider] = []
    if settings.testcard_url:
        found.append(TestCards(settings, http))
    return {provider.name: provider for provider in found}
