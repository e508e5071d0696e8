"""The card network that `haat doctor` brings with it: test cards for its synthetic customers.

Always there and never offered. It works while a doctor is at work on this machine: where its
network is then stands in the data folder. It sends no messages of its own; the doctor does.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from haat.domains.money.payments.api import ProviderAway, SignatureInvalid
from haat.domains.money.payments.providers.port import (
    Ask,
    ProviderEvent,
    ProviderPayment,
    ProviderRefused,
)
from haat.domains.money.payments.providers.test import TestCards
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import Answer, HttpClient
from haat.kernel import synthetic
from haat.kernel.context import Context


class DrillCards(TestCards):
    """The test card network at another address, for nobody but the synthetic customers."""

    name = synthetic.PROVIDER
    label = "Doctor's drills"
    disburses = False

    def __init__(self, settings: PaymentsSettings, http: HttpClient) -> None:
        super().__init__(settings, http)
        folder = settings.data.expanduser().resolve()
        self._port_file = folder / synthetic.CARDS_PORT
        self._secret_file: Path | None = folder / synthetic.CARDS_KEY
        self._registered = True  # messages are the doctor's to send, once, twice or forged

    async def register(self, ctx: Context) -> None:
        """Nothing to do: see above."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        if ask.person_id not in synthetic.PEOPLE:
            raise ProviderRefused("provider_not_allowed")
        return await super().hold(ctx, ask)

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        try:
            return super().verify_webhook(headers, body, now)
        except ProviderAway:
            raise SignatureInvalid from None  # no doctor is at work, so nobody signs anything

    async def _send(
        self, ctx: Context, method: str, path: str, body: dict[str, Any] | None
    ) -> Answer:
        try:
            port = int(self._port_file.read_text("ascii"))
        except (OSError, ValueError) as error:
            raise ProviderAway("No doctor is at work here.") from error
        self._url = f"http://127.0.0.1:{port}"
        return await super()._send(ctx, method, path, body)
