"""What every process keeps of pricing in memory: a quote or a page costs no statement here.

It is small, seldom changed and read all the time. Who changes it counts the edition up in the same
statement and tells every process by a message; one that the message does not reach finds out when
it looks at the edition again, at most `KEPT` later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.goods.pricing import rules
from haat.domains.goods.pricing import statements as sql
from haat.domains.goods.pricing.api import CurrencyRate, CustomerGroup, PriceEntry, PriceList
from haat.engines.cache import Cache
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.model import Model

KEPT = timedelta(seconds=2)
CHANNEL = "pricing.book"


class _Entries(Model):
    entries: list[PriceEntry]


@dataclass(frozen=True, slots=True)
class Book:
    """All of it, as one edition had it."""

    edition: int = -1
    rates: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (class, country)
    groups: Mapping[UUID, CustomerGroup] = field(default_factory=dict)
    memberships: Mapping[UUID, Sequence[UUID]] = field(default_factory=dict)  # by person
    lists: Mapping[UUID, Sequence[PriceList]] = field(default_factory=dict)  # by group
    currencies: Mapping[str, CurrencyRate] = field(default_factory=dict)

    def groups_of(self, person_id: UUID | None) -> list[CustomerGroup]:
        ids = self.memberships.get(person_id, ()) if person_id is not None else ()
        return [self.groups[id] for id in ids if id in self.groups]

    def entries_for(self, person_id: UUID | None, now: datetime) -> list[rules.Applied]:
        ids = self.memberships.get(person_id, ()) if person_id is not None else ()
        return rules.entries_for(self.lists, ids, now) if ids else []


class Shelf:
    """The book of this process."""

    def __init__(self, db: Database, cache: Cache) -> None:
        self._db = db
        self._cache = cache
        self._book = Book()
        self._until: datetime | None = None
        self._turn = 0  # how often something was said to have changed
        cache.subscribe(CHANNEL, self._heard)

    async def current(self, ctx: Context) -> Book:
        now = ctx.now()
        if self._until is not None and now < self._until <= now + KEPT:
            return self._book
        turn = self._turn
        edition = await self._db.fetchval(sql.EDITION) or 0
        book = self._book
        if edition != book.edition:
            book = await self._read(edition)
        if book.edition >= self._book.edition:
            self._book = book
            if turn == self._turn:  # else somebody said meanwhile that it changed
                self._until = now + KEPT
        return book

    async def changed(self) -> None:
        """For the writer, after its statement: here now, elsewhere in a moment."""
        self._heard("")
        await self._cache.publish(CHANNEL, "")

    def _heard(self, message: str) -> None:
        self._turn += 1
        self._until = None

    async def _read(self, edition: int) -> Book:
        """What is read is this edition's or newer: the next look reads it again then."""
        rates = await self._db.fetch(sql.RATES)
        groups = await self._db.fetch(sql.GROUPS)
        members = await self._db.fetch(sql.EVERY_MEMBER) if groups else []
        found = [listed(row) for row in await self._db.fetch(sql.EVERY_LIST)] if groups else []
        currencies = [rated(row) for row in await self._db.fetch(sql.CURRENCIES)]
        lists: dict[UUID, list[PriceList]] = {}
        for one in found:
            lists.setdefault(one.group_id, []).append(one)
        return Book(
            edition=edition,
            rates={(r["tax_class"], r["country"]): r["rate_bp"] for r in rates},
            groups={row["id"]: CustomerGroup(**row) for row in groups},
            memberships={row["person_id"]: row["ids"] for row in members},
            lists=lists,
            currencies={one.code: one for one in currencies if one.enabled},
        )


def listed(row: Record) -> PriceList:
    """A row of a list; without entries where they were not asked for."""
    known = dict(row)
    text = known.pop("entries", "[]")
    entries = _Entries.model_validate_json(f'{{"entries": {text}}}').entries
    return PriceList(**known, entries=entries)


def rated(row: Record) -> CurrencyRate:
    return CurrencyRate(**{**dict(row), "rate": rules.as_text(row["rate"])})
