"""Saved payment methods: what a provider keeps of a card, by its own tokens.

A person's methods are found by the person only, whoever asks: another's id is unknown.
"""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from haat.domains.money.payments.api import (
    CannotSave,
    Method,
    MethodUnknown,
    ProviderUnknown,
    SavedMethod,
)
from haat.domains.money.payments.providers.port import (
    Ask,
    KeepsMethods,
    Provider,
    ProviderMethod,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import derive

MOST_METHODS = 50

# The same method told again, perhaps after it was forgotten, changes nothing.
KEEP = Sql("""
WITH customer AS (
  INSERT INTO payments.customers (person_id, provider, customer_ref, created_at)
  VALUES ($2, $3, $5, $8) ON CONFLICT (person_id, provider) DO NOTHING
)
INSERT INTO payments.methods (id, person_id, provider, provider_ref, customer_ref, label, expires,
                              created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
""")

CUSTOMER = Sql("""
SELECT customer_ref FROM payments.customers WHERE person_id = $1 AND provider = $2
""")

FIND = Sql("""
SELECT * FROM payments.methods WHERE id = $1 AND person_id = $2 AND forgotten_at IS NULL
""")

BEGUN = Sql("""
SELECT id FROM payments.payments WHERE id = $1 AND reference = $2 AND provider = $3
""")

LISTED = Sql("""
SELECT * FROM payments.methods WHERE person_id = $1 AND forgotten_at IS NULL
 ORDER BY created_at DESC, id DESC LIMIT $2
""")

FORGET = Sql("""
UPDATE payments.methods SET forgotten_at = $3, label = '', expires = NULL
 WHERE id = $1 AND person_id = $2 AND forgotten_at IS NULL
""")


class Saving:
    """The use cases of saved methods."""

    def __init__(self, db: Database, providers: Mapping[str, Provider]) -> None:
        self._db = db
        self._providers = providers

    async def prepared(self, ctx: Context, ask: Ask, method: Method) -> Ask:
        """The ask with the person's customer object and saved method at the provider."""
        if method.saved_id is None and not method.save:
            return ask
        # A timer that goes on with a checkout acts for the person it belongs to.
        person = ctx.actor.id if ctx.actor.type == "person" else ask.person_id
        if method.saved_id is not None:
            return await self._with_saved(ask, method, person)
        keeps = isinstance(self._providers.get(method.provider), KeepsMethods)
        # It is kept for whom the payment belongs to, so that must be the person who acts.
        if not keeps or person is None or ask.person_id != person:
            raise CannotSave
        customer = await self._db.fetchval(CUSTOMER, person, method.provider)
        return replace(ask, customer_ref=customer, save=True)

    async def _with_saved(self, ask: Ask, method: Method, person: UUID | None) -> Ask:
        row = await self._db.fetchrow(FIND, method.saved_id, person) if person else None
        if row is not None and row["provider"] == method.provider:
            kept = (row["customer_ref"], row["provider_ref"])
            return replace(ask, token=None, customer_ref=kept[0], saved_ref=kept[1])
        # Forgotten after the payment had begun: how that stands is asked, and nothing charged.
        begun = (ask.id, ask.reference, method.provider)
        if await self._db.fetchval(BEGUN, *begun) is None:
            raise MethodUnknown
        return replace(ask, token=None)

    async def methods(self, ctx: Context) -> list[SavedMethod]:
        rows = await self._db.fetch(LISTED, ctx.person_id, MOST_METHODS)
        return [
            SavedMethod(
                id=row["id"],
                provider=row["provider"],
                label=row["label"],
                expires=row["expires"],
                created_at=row["created_at"],
            )
            for row in rows
        ]

    async def forget(self, ctx: Context, id: UUID) -> None:
        """First over there: what is not shown here any more cannot be charged there either."""
        row = await self._db.fetchrow(FIND, id, ctx.person_id)
        if row is None:
            raise MethodUnknown
        provider = self._providers.get(row["provider"])
        if provider is None:
            raise ProviderUnknown
        if isinstance(provider, KeepsMethods):
            known = (row["provider_ref"], row["customer_ref"], row["label"], row["expires"])
            await provider.forget(ctx, ProviderMethod(*known))
        await self._db.execute(FORGET, id, ctx.person_id, ctx.now())


async def keep_method(db: Database, ctx: Context, payment: Record, saved: ProviderMethod) -> None:
    """Keeps what the provider saved with a person's payment."""
    person: UUID = payment["person_id"]
    id = derive(person, f"{payment['provider']} {saved.ref}")
    about = (payment["provider"], saved.ref, saved.customer_ref, saved.label, saved.expires)
    await db.execute(KEEP, id, person, *about, ctx.now())
