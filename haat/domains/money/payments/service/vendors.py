"""Vendors' own accounts at providers that pay out there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import ProviderAway, ProviderUnknown, VendorAccount
from haat.domains.money.payments.providers.port import (
    Onboards,
    Provider,
    ProviderAccount,
    ProviderRefused,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context

_log: Any = structlog.get_logger(__name__)
_LOOK_AGAIN = timedelta(minutes=10)
_AT_ONCE = 20

FIND = Sql("SELECT * FROM payments.vendor_accounts WHERE vendor_id = $1 AND provider = $2")

LISTED = Sql("SELECT * FROM payments.vendor_accounts WHERE vendor_id = $1 ORDER BY provider")

OPENED = Sql("""
INSERT INTO payments.vendor_accounts (vendor_id, provider, provider_ref, status, requirements,
                                      updated_at, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING
""")

HEARD = Sql("""
UPDATE payments.vendor_accounts SET status = $3, requirements = $4, updated_at = $5
 WHERE provider = $1 AND provider_ref = $2
   AND (status, requirements) IS DISTINCT FROM ($3, $4::text[])
""")

UNREADY = Sql("""
UPDATE payments.vendor_accounts SET asked_at = $2
 WHERE (vendor_id, provider) IN (
   SELECT vendor_id, provider FROM payments.vendor_accounts
    WHERE status <> 'ready' AND asked_at < $1
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")


class Accounts:
    """The use cases of vendors' accounts."""

    def __init__(self, db: Database, providers: Mapping[str, Provider]) -> None:
        self._db = db
        self._providers = providers

    async def onboard(self, ctx: Context, vendor_id: UUID, name: str, return_url: str) -> str:
        ctx.need_vendor(vendor_id)
        provider = self._onboarding(name)
        row = await self._db.fetchrow(FIND, vendor_id, name)
        try:
            if row is None:
                # The same vendor gets the same account, should this be done twice.
                opened = await provider.open_account(ctx, vendor_id, "")
                about = (opened.ref, opened.status, list(opened.requirements))
                await self._db.execute(OPENED, vendor_id, name, *about, ctx.now())
                row = await self._db.fetchrow(FIND, vendor_id, name)
                assert row is not None, "it was written"
            return await provider.onboarding_link(ctx, row["provider_ref"], return_url)
        except ProviderRefused as refused:
            _log.error("onboarding_refused", vendor_id=str(vendor_id), code=refused.code)
            raise ProviderUnknown("The provider opens no account for this vendor.") from refused

    def _onboarding(self, name: str) -> Onboards:
        provider = self._providers.get(name)
        if not isinstance(provider, Onboards):
            raise ProviderUnknown("This provider opens no accounts for vendors.")
        return provider

    async def accounts(self, ctx: Context, vendor_id: UUID) -> list[VendorAccount]:
        ctx.need_vendor(vendor_id)
        return [_account(row) for row in await self._db.fetch(LISTED, vendor_id)]

    async def heard(self, ctx: Context, provider: str, seen: ProviderAccount) -> None:
        """The provider's word on an account; one that is not ours is passed over."""
        args = (provider, seen.ref, seen.status, list(seen.requirements), ctx.now())
        await self._db.execute(HEARD, *args)

    async def look_again(self, ctx: Context) -> None:
        """Asks about accounts that are not ready: a message about them may have been lost."""
        now = ctx.now()
        for row in await self._db.step(ctx, UNREADY, now - _LOOK_AGAIN, now, _AT_ONCE):
            provider = self._providers.get(row["provider"])
            if not isinstance(provider, Onboards):
                continue
            try:
                seen = await provider.read_account(ctx, row["provider_ref"])
            except (ProviderAway, ProviderRefused) as error:
                _log.warning("account_unclear", vendor_id=str(row["vendor_id"]), why=str(error))
                continue
            if seen is not None:
                await self.heard(ctx, row["provider"], seen)


def _account(row: Record) -> VendorAccount:
    return VendorAccount(
        vendor_id=row["vendor_id"],
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        status=row["status"],
        requirements=row["requirements"],
        updated_at=row["updated_at"],
    )
