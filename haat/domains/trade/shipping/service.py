"""The shipping service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.shipping import rules
from haat.domains.trade.shipping.api import (
    Band,
    MethodsFull,
    NoShipping,
    Parcel,
    Shipment,
    ShipmentDelivered,
    Shipping,
    ShippingMethod,
    ShippingStatusUpdated,
    VendorOptions,
)
from haat.engines.cache import Cache
from haat.engines.cache.remembered import Remembered
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

METHODS_MAX = 50
# How old a method may be that a rate is made of, where the word of its change was lost. A quote
# holds what it says for much longer: nobody can tell one made of a method some seconds old from
# one that was made some seconds earlier.
KEPT_S = 5.0
METHODS = Sql("""
SELECT id, vendor_id, name, currency, bands, countries, free_from, days_min, days_max, active
  FROM shipping.methods WHERE vendor_id = ANY($1::uuid[]) ORDER BY created_at, id
""")
SAVE_METHOD = Sql("""
INSERT INTO shipping.methods AS m (id, vendor_id, name, currency, bands, countries, free_from,
       days_min, days_max, active, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
 WHERE (SELECT count(*) FROM shipping.methods o WHERE o.vendor_id = $2 AND o.id <> $1) < $12
ON CONFLICT (id) DO UPDATE
   SET name = EXCLUDED.name, currency = EXCLUDED.currency, bands = EXCLUDED.bands,
       countries = EXCLUDED.countries, free_from = EXCLUDED.free_from,
       days_min = EXCLUDED.days_min, days_max = EXCLUDED.days_max, active = EXCLUDED.active
 WHERE m.vendor_id = EXCLUDED.vendor_id
RETURNING m.id
""")
OTHERS_METHOD = Sql("SELECT true FROM shipping.methods WHERE id = $1 AND vendor_id <> $2")
# One "Standard" for each of these vendors that has none: ($1 ids, $2 vendors, $3 bands).
OPEN_METHODS = Sql("""
INSERT INTO shipping.methods (id, vendor_id, name, currency, bands, countries, days_min, days_max,
       active, created_at)
SELECT v.id, v.vendor_id, 'Standard', $3, $4::jsonb, '{}', $5, $6, true, $7
  FROM unnest($1::uuid[], $2::uuid[]) AS v (id, vendor_id)
ON CONFLICT (id) DO NOTHING
""")
BOOK = Sql("""
WITH booked AS (
  INSERT INTO shipping.shipments (id, vendor_order_id, vendor_id, carrier, tracking_number,
         status, created_at, shipped_at)
  VALUES ($1, $2, $3, $4, $5, 'in_transit', $6, $6)
  ON CONFLICT (id) DO NOTHING
  RETURNING *)
/*emit:booked*/
SELECT * FROM booked
""")
CANCEL = Sql("""
WITH cancelled AS (
  UPDATE shipping.shipments SET status = 'cancelled'
   WHERE id = $1 AND status IN ('label_created', 'in_transit') RETURNING id)
/*emit:cancelled*/
SELECT id FROM cancelled
""")
DELIVER = Sql("""
UPDATE shipping.shipments SET status = 'delivered', delivered_at = $2
 WHERE vendor_order_id = $1 AND status IN ('label_created', 'in_transit')
RETURNING *
""")
SHIPMENT = Sql("SELECT * FROM shipping.shipments WHERE id = $1")
SHIPMENTS_OF = Sql(
    "SELECT * FROM shipping.shipments WHERE vendor_order_id = ANY($1::uuid[])"
    " ORDER BY created_at, id"
)
SHIPMENTS = Sql("""
SELECT * FROM shipping.shipments
 WHERE vendor_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
 ORDER BY created_at DESC, id DESC LIMIT $4
""")
TRACK = Sql("""
SELECT * FROM shipping.shipments WHERE tracking_number = $1 AND status <> 'cancelled'
 ORDER BY created_at DESC LIMIT 1
""")


class ShippingService(Shipping):
    """Fulfils the Shipping contract on one schema."""

    def __init__(self, db: Database, market: Market, vendors: Vendors, cache: Cache) -> None:
        self._db = db
        self._market = market
        self._vendors = vendors
        self._known: Remembered[list[ShippingMethod]] = Remembered(
            cache, "shipping.methods", kept_s=KEPT_S
        )

    async def options(self, ctx: Context, *, parcels: list[Parcel]) -> list[VendorOptions]:
        found = await self.rates(ctx, parcels=parcels)
        without = [str(one.vendor_id) for one in found if not one.options]
        if without:
            raise NoShipping(vendors=without)
        return found

    async def rates(self, ctx: Context, *, parcels: list[Parcel]) -> list[VendorOptions]:
        methods = await self._methods_of({parcel.vendor_id for parcel in parcels})
        # A vendor approved a moment ago has its method by the time the event was heard; until
        # then it has the very same one, which follows from its id.
        return [
            VendorOptions(
                vendor_id=parcel.vendor_id,
                options=rules.options_of(
                    methods[parcel.vendor_id]
                    or [rules.standard(parcel.vendor_id, parcel.goods.currency)],
                    parcel,
                ),
            )
            for parcel in parcels
        ]

    async def _methods_of(self, vendor_ids: set[UUID]) -> dict[UUID, list[ShippingMethod]]:
        """Every method of each vendor."""
        known, look = self._known.known(vendor_ids)
        missing = [id for id in vendor_ids if id not in known]
        if not missing:
            return known
        found: dict[UUID, list[ShippingMethod]] = {id: [] for id in missing}
        for row in await self._db.fetch(METHODS, missing):
            found[row["vendor_id"]].append(_method(row))
        self._known.keep(found, look)
        return known | found

    async def methods(self, ctx: Context, *, vendor_id: UUID) -> list[ShippingMethod]:
        found = [_method(row) for row in await self._db.fetch(METHODS, [vendor_id])]
        if not found:
            if not await self._vendors.by_ids(ctx, ids=[vendor_id]):
                raise NotFound
            currency = (await self._market.settings(ctx)).currency
            found = [rules.standard(vendor_id, currency)]
        inside = vendor_id == ctx.vendor_id or ctx.has("staff")
        return [method for method in found if method.active or inside]

    async def save_method(self, ctx: Context, *, method: ShippingMethod) -> ShippingMethod:
        ctx.need_vendor(method.vendor_id)
        currency = (await self._market.settings(ctx)).currency
        rules.check(method, currency)
        saved = await self._db.fetchval(
            SAVE_METHOD,
            method.id,
            method.vendor_id,
            method.name,
            currency,
            _bands(method),
            sorted(set(method.countries)),
            method.free_from and method.free_from.minor,
            method.days_min,
            method.days_max,
            method.active,
            ctx.now(),
            METHODS_MAX,
        )
        if saved is None:
            if await self._db.fetchval(OTHERS_METHOD, method.id, method.vendor_id):
                raise NotFound
            raise MethodsFull
        await self._known.changed([method.vendor_id])
        return method.model_copy(update={"countries": sorted(set(method.countries))})

    async def open_methods(self, ctx: Context, vendor_ids: list[UUID]) -> None:
        """Gives each of these vendors its "Standard"; harmless when repeated."""
        currency = (await self._market.settings(ctx)).currency
        each = [rules.standard(vendor_id, currency) for vendor_id in sorted(set(vendor_ids))]
        model = each[0]
        await self._db.execute(
            OPEN_METHODS,
            [method.id for method in each],
            [method.vendor_id for method in each],
            currency,
            _bands(model),
            model.days_min,
            model.days_max,
            ctx.now(),
        )
        await self._known.changed(vendor_ids)

    async def book(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        vendor_id: UUID,
        carrier: str,
        tracking_number: str | None = None,
    ) -> Shipment:
        now = ctx.now()
        number = (tracking_number or "").strip() or rules.tracking_number_of(id)
        shipment = Shipment(
            id=id,
            vendor_order_id=vendor_order_id,
            vendor_id=vendor_id,
            carrier=carrier,
            tracking_number=number,
            tracking_url=rules.tracking_url(carrier, number),
            status="in_transit",
            shipped_at=now,
            created_at=now,
        )
        booked = await self._db.step(
            ctx,
            BOOK,
            id,
            vendor_order_id,
            vendor_id,
            shipment.carrier,
            shipment.tracking_number,
            now,
            emit=[_updated(shipment)],
        )
        if booked:
            return shipment
        there = await self._db.fetchrow(SHIPMENT, id)
        assert there is not None, f"shipment {id} was there and is not"
        return _shipment(there)

    async def deliver(self, ctx: Context, *, vendor_order_id: UUID) -> list[Shipment]:
        async with self._db.begin(ctx) as tx:
            for row in await tx.fetch(DELIVER, vendor_order_id, ctx.now()):
                tx.emit(_updated(_shipment(row)))
            rows = await tx.fetch(SHIPMENTS_OF, [vendor_order_id])
        return [_shipment(row) for row in rows if row["status"] == "delivered"]

    async def cancel(self, ctx: Context, *, id: UUID) -> None:
        row = await self._db.fetchrow(SHIPMENT, id)
        if row is None or row["status"] == "cancelled":
            return
        shipment = _shipment(row).model_copy(update={"status": "cancelled"})
        if not await self._db.step(ctx, CANCEL, id, emit=[_updated(shipment)]):
            row = await self._db.fetchrow(SHIPMENT, id)
            if row is not None and row["status"] == "delivered":
                raise ShipmentDelivered

    async def shipments_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Shipment]:
        return [_shipment(r) for r in await self._db.fetch(SHIPMENTS_OF, vendor_order_ids)]

    async def shipments(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Shipment]:
        if vendor_id != ctx.vendor_id and not ctx.has("staff:orders"):
            raise NotFound
        after = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(SHIPMENTS, vendor_id, *after, limit + 1)
        return page_of([_shipment(row) for row in rows], limit, "created_at", "id")

    async def shipment(self, ctx: Context, *, id: UUID) -> Shipment:
        row = await self._db.fetchrow(SHIPMENT, id)
        if row is None or not (row["vendor_id"] == ctx.vendor_id or ctx.has("staff:orders")):
            raise NotFound
        return _shipment(row)

    async def track(self, ctx: Context, *, tracking_number: str) -> Shipment:
        row = await self._db.fetchrow(TRACK, tracking_number.strip())
        if row is None:
            raise NotFound
        return _shipment(row)


def _bands(method: ShippingMethod) -> list[list[int | None]]:
    return [[band.weight_g_max, band.price.minor] for band in method.bands]


def _method(row: Mapping[str, Any]) -> ShippingMethod:
    currency, free_from = row["currency"], row["free_from"]
    return ShippingMethod(
        id=row["id"],
        vendor_id=row["vendor_id"],
        name=row["name"],
        bands=[
            Band(weight_g_max=weight, price=Money(minor=minor, currency=currency))
            for weight, minor in row["bands"]
        ],
        countries=row["countries"],
        free_from=None if free_from is None else Money(minor=free_from, currency=currency),
        days_min=row["days_min"],
        days_max=row["days_max"],
        active=row["active"],
    )


def _shipment(row: Mapping[str, Any]) -> Shipment:
    url = rules.tracking_url(row["carrier"], row["tracking_number"])
    return Shipment(**dict(row), tracking_url=url)


def _updated(shipment: Shipment) -> ShippingStatusUpdated:
    return ShippingStatusUpdated(
        shipment_id=shipment.id,
        vendor_order_id=shipment.vendor_order_id,
        vendor_id=shipment.vendor_id,
        status=shipment.status,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
    )
