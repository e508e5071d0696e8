"""Endpoints: added, changed, given another secret, switched off, removed."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from haat.domains.reach.webhooks.api import (
    OVERLAP_S,
    Endpoint,
    EndpointDisabled,
    EndpointExists,
    EndpointOff,
    EndpointsFull,
    MadeEndpoint,
    SecretChanging,
    Webhooks,
)
from haat.domains.reach.webhooks.rules import SECRET_BYTES, check_events, secret_of
from haat.domains.reach.webhooks.service import statements as sql
from haat.engines.http import Signer
from haat.engines.http.outward import Outward
from haat.engines.sql import Database, Record, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, NotFound, Unauthenticated
from haat.kernel.page import Page, decode_cursor, page_of

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
MARKETS_MAX = 50


def need_owner(ctx: Context, vendor_id: UUID | None) -> None:
    """Unauthenticated or Forbidden for who may not keep this owner's endpoints; NotFound for those
    of another vendor."""
    scope = "staff:settings" if vendor_id is None else "vendor:webhooks"
    if not ctx.has(scope):
        # An API key, too, is nobody in particular here: it has a vendor.
        nobody = ctx.actor.type == "guest" and ctx.vendor_id is None
        raise Unauthenticated if nobody else Forbidden
    if vendor_id is not None:
        ctx.need_vendor(vendor_id)


def purpose(endpoint_id: UUID) -> str:
    """What a secret is sealed for: it is worth nothing in another endpoint's row."""
    return f"webhook secret of {endpoint_id}"


class EndpointCases(Webhooks):
    """The part of webhooks that keeps endpoints."""

    _db: Database
    _signer: Signer
    _outward: Outward
    _per_vendor: int

    async def endpoints(self, ctx: Context, *, vendor_id: UUID | None = None) -> list[Endpoint]:
        need_owner(ctx, vendor_id)
        rows = await self._db.fetch(sql.ENDPOINTS, vendor_id)
        return [shown(row, ctx) for row in rows]

    async def endpoint(self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None) -> Endpoint:
        need_owner(ctx, vendor_id)
        row = await self._db.fetchrow(sql.ENDPOINT, id, vendor_id)
        if row is None:
            raise NotFound
        return shown(row, ctx)

    async def add(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        url: str,
        events: list[str],
        description: str = "",
    ) -> MadeEndpoint:
        need_owner(ctx, vendor_id)
        self._outward.target(url)
        heard = check_events(ctx, vendor_id, events)
        secret = secret_of(secrets.token_bytes(SECRET_BYTES))
        sealed = self._signer.seal(purpose(id), secret, FOREVER)
        most = MARKETS_MAX if vendor_id is None else self._per_vendor
        async with self._db.begin(ctx) as tx:
            await tx.execute(sql.ALONE, str(vendor_id))
            row = (id, vendor_id, url, description, heard, sealed, ctx.now())
            if not await tx.execute(sql.ADD, *row):
                raise EndpointExists
            if await tx.fetchval(sql.COUNT, vendor_id) > most:
                raise EndpointsFull
        made = await self.endpoint(ctx, id=id, vendor_id=vendor_id)
        return MadeEndpoint(endpoint=made, secret=secret)

    async def change(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        url: str | None = None,
        events: list[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Endpoint:
        before = await self.endpoint(ctx, id=id, vendor_id=vendor_id)
        if url is not None:
            self._outward.target(url)
        heard = None
        if events is not None:
            # What it hears already may stay, though somebody with more rights chose it.
            heard = check_events(ctx, vendor_id, events, chosen=before.events)
        try:
            row = await self._db.fetchrow(
                sql.CHANGE, id, vendor_id, url, heard, description, enabled, ctx.now()
            )
        except UniqueViolation:
            raise EndpointExists from None
        if row is None:
            await self.endpoint(ctx, id=id, vendor_id=vendor_id)  # NotFound
            raise EndpointOff("The market's staff switched this endpoint off: ask them.")
        self._sender_wakes()
        return shown(row, ctx)

    async def remove(self, ctx: Context, *, id: UUID, vendor_id: UUID | None = None) -> None:
        need_owner(ctx, vendor_id)
        if not await self._db.execute(sql.REMOVE, id, vendor_id, ctx.now()):
            raise NotFound

    async def change_secret(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID | None = None,
        overlap_s: int = OVERLAP_S,
    ) -> MadeEndpoint:
        need_owner(ctx, vendor_id)
        now = ctx.now()
        secret = secret_of(secrets.token_bytes(SECRET_BYTES))
        sealed = self._signer.seal(purpose(id), secret, FOREVER)
        until = now + timedelta(seconds=overlap_s) if overlap_s else None
        row = await self._db.fetchrow(sql.CHANGE_SECRET, id, vendor_id, sealed, until, now)
        if row is None:
            found = await self.endpoint(ctx, id=id, vendor_id=vendor_id)
            raise SecretChanging(until=found.old_secret_until)
        return MadeEndpoint(endpoint=shown(row, ctx), secret=secret)

    async def all_endpoints(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Endpoint]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(sql.ALL_ENDPOINTS, *key, limit + 1)
        return page_of([_from_afar(row, ctx) for row in rows], limit, "created_at", "id")

    async def switch(self, ctx: Context, *, id: UUID, enabled: bool) -> Endpoint:
        row = await self._db.fetchrow(sql.FIND, id)
        if row is None:
            raise NotFound
        told = () if enabled else (disabled(row, "staff"),)
        await self._db.step(ctx, sql.SWITCH, id, enabled, ctx.now(), emit=told)
        row = await self._db.fetchrow(sql.FIND, id)
        if row is None:
            raise NotFound
        return _from_afar(row, ctx)

    def _sender_wakes(self) -> None:
        """There may be something to send: the service wakes its sender."""


def shown(row: Record, ctx: Context) -> Endpoint:
    """A secret that signs no more is not told of."""
    facts: dict[str, Any] = dict(row)
    until = facts["old_secret_until"]
    if until is not None and until <= ctx.now():
        facts["old_secret_until"] = None
    return Endpoint(**facts)


def _from_afar(row: Record, ctx: Context) -> Endpoint:
    """As others see it: what follows the host is often a secret of the receiver's."""
    parts = urlsplit(row["url"])
    url = f"{parts.scheme}://{parts.netloc}/…"
    return shown(row, ctx).model_copy(update={"url": url})


def disabled(row: Record, why: Any) -> EndpointDisabled:
    host = urlsplit(row["url"]).hostname or ""
    return EndpointDisabled(endpoint_id=row["id"], vendor_id=row["vendor_id"], host=host, why=why)
