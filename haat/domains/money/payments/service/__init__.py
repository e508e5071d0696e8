"""The payments service: one use case a method, grouped in files by what they change."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    Disbursement,
    Hold,
    Method,
    Payment,
    Payments,
    ProviderAway,
    Refund,
    Tally,
)
from haat.domains.money.payments.providers.configured import configured
from haat.domains.money.payments.providers.port import Ask, ProviderRefused
from haat.domains.money.payments.service.charging import Charging
from haat.domains.money.payments.service.giving import Giving
from haat.domains.money.payments.service.hearing import Hearing
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

__all__ = ["PaymentsService"]

_log: Any = structlog.get_logger(__name__)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)

OF_REFERENCES = Sql("""
SELECT * FROM payments.payments WHERE reference = ANY($1::uuid[]) ORDER BY reference, created_at, id
""")

TALLIES = Sql("""
WITH part AS (
  SELECT currency, captured_minor AS captured, refunded_minor AS refunded, 0 AS paid_out
    FROM payments.payments WHERE captured_minor > 0
  UNION ALL
  SELECT currency, 0, 0, minor FROM payments.disbursements WHERE status = 'paid'
)
SELECT currency, sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded,
       sum(paid_out)::bigint AS paid_out
  FROM part GROUP BY currency ORDER BY currency
""")

LISTED = Sql("""
SELECT * FROM payments.payments
 WHERE reference IS NOT NULL AND (created_at, id) < ($1, $2::uuid)
 ORDER BY created_at DESC, id DESC LIMIT $3
""")


class PaymentsService(Payments):
    """Chooses the provider and hands on."""

    def __init__(self, db: Database, http: HttpClient, settings: PaymentsSettings) -> None:
        self._db = db
        self._providers = configured(settings, http)
        self._charging = Charging(db, self._providers)
        self._giving = Giving(db, self._providers)
        self._hearing = Hearing(db, self._charging, self._giving)

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
    ) -> Hold:
        ask = Ask(id, reference, amount, method.token, return_url)
        return await self._charging.hold(ctx, ask, method)

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        return await self._charging.capture(ctx, id)

    async def void(self, ctx: Context, *, id: UUID) -> None:
        await self._charging.void(ctx, id)

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        return await self._giving.refund(ctx, id, refund_id, amount)

    async def payments(self, ctx: Context, *, references: list[UUID]) -> list[Payment]:
        return [_payment(row) for row in await self._db.fetch(OF_REFERENCES, references)]

    async def listed(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Payment]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(LISTED, *key, limit + 1)
        return page_of([_payment(row) for row in rows], limit, "created_at", "id")

    async def tallies(self, ctx: Context) -> list[Tally]:
        return [Tally(**row) for row in await self._db.fetch(TALLIES)]

    async def webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        await self._hearing.webhook(ctx, self._charging.provider(provider), headers, body)

    async def disburse(
        self,
        ctx: Context,
        *,
        id: UUID,
        amount: Money,
        destination: Destination,
        provider: str = "test",
    ) -> Disbursement:
        return await self._giving.disburse(ctx, id, amount, destination, provider)

    async def providers(self, ctx: Context) -> list[dict[str, Any]]:
        return [
            {"name": one.name, "label": one.label, "tokenUrl": one.token_url}
            for one in self._providers.values()
        ]

    async def ask_again(self, ctx: Context) -> None:
        """Asks providers about payments and refunds whose fate is not known."""
        await self._charging.ask_again(ctx)
        await self._giving.resume_refunds(ctx)

    async def void_due(self, ctx: Context) -> None:
        """Gives up authorizations that nobody wants any more."""
        await self._charging.void_due(ctx)

    async def register(self, ctx: Context) -> None:
        """Tells every provider where our webhook is."""
        for provider in self._providers.values():
            try:
                await provider.register(ctx)
            except (ProviderAway, ProviderRefused) as error:
                _log.warning("webhook_not_registered", provider=provider.name, why=str(error))


def _payment(row: Record) -> Payment:
    currency = row["currency"]
    return Payment(
        id=row["id"],
        reference=row["reference"],
        provider=row["provider"],
        amount=Money(minor=row["minor"], currency=currency),
        captured=Money(minor=row["captured_minor"], currency=currency),
        refunded=Money(minor=row["refunded_minor"], currency=currency),
        status=row["status"],
        provider_ref=row["provider_ref"],
        decline_code=row["decline_code"],
        created_at=row["created_at"],
    )
