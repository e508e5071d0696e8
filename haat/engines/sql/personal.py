"""Whose a module's personal columns are, and how they end: declared beside the tables, as data.

RULES = (
    Rule("profiles.addresses", "person_id = :person"),  # its rows go
    Rule("profiles.profiles", "person_id = :person", {"phone": "''"}),  # these values do
)

A rule's `where` names rows of one person by `:person` (their id), `:email`, or by ids of what is
theirs elsewhere: `:orders`, `:parts` (vendor orders), `:returns`, `:vendors` (stores that ended and
are theirs alone; `:untraded`: those of them that never sold anything). Of a guest `:person` is the
order's id. The same rules find what a person
is given when they ask for their data. A test prepares each under its module's role, and fails for a
personal column that no rule and no `kept` names.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from haat.engines.sql.database import Database
from haat.kernel.context import Context

_TYPES = {
    "person": "uuid",
    "email": "text",
    "orders": "uuid[]",
    "parts": "uuid[]",
    "returns": "uuid[]",
    "vendors": "uuid[]",
    "untraded": "uuid[]",
    "now": "timestamptz",
}
_NAME = re.compile(rf"(?<!:):({'|'.join(_TYPES)})\b")
PAGE = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, and what elsewhere is theirs."""

    person: UUID
    email: str = ""
    orders: Sequence[UUID] = ()
    parts: Sequence[UUID] = ()
    returns: Sequence[UUID] = ()
    vendors: Sequence[UUID] = ()
    untraded: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table that are about a person. `sets`: column → the SQL that takes its value's
    place; None: the rows go. `told`: columns of an export, () for all but
    bytes; None: not part of one."""

    table: str
    where: str
    sets: Mapping[str, str] | None = None
    told: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Personal:
    """What a module has of people. `kept`: columns ("table.column") that are personal and of
    nobody who can be erased here, and why. `after`: what is to be done beside the rows, such as
    removing files; it may be done again."""

    rules: tuple[Rule, ...]
    kept: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[Any, Context, UUID], Awaitable[None]] | None = None


def erasing(rule: Rule) -> str:
    """The statement that ends what a rule names, with its values by name."""
    if rule.sets is None:
        return f"DELETE FROM {rule.table} WHERE {rule.where}"
    changes = ", ".join(f"{name} = {value}" for name, value in rule.sets.items())
    # Done again it writes nothing: a row that is as it should be is left alone.
    differs = " OR ".join(
        f"{name}::text IS DISTINCT FROM ({value})::text" for name, value in rule.sets.items()
    )
    return f"UPDATE {rule.table} SET {changes} WHERE ({rule.where}) AND ({differs})"


def telling(rule: Rule) -> str:
    """The statement that reads what a rule names, as JSON."""
    columns = ", ".join(f"'{name}', t.{name}" for name in rule.told or ())
    shown = f"jsonb_build_object({columns})" if columns else "to_jsonb(t)"
    return f"SELECT {shown} FROM {rule.table} AS t WHERE {rule.where} LIMIT {PAGE * 100}"


def bound(text: str, subject: Subject, ctx: Context) -> tuple[str, list[Any]]:
    """The statement with numbers for names, and its values."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return f"${numbers.setdefault(name, len(numbers) + 1)}::{_TYPES[name]}"

    sql = _NAME.sub(number, text)
    values = [ctx.now() if name == "now" else getattr(subject, name) for name in numbers]
    return sql, [list(value) if isinstance(value, tuple) else value for value in values]


async def erase(db: Database, ctx: Context, personal: Personal, subject: Subject) -> int:
    """Ends all that a module has of a person, in one transaction; how many rows. Done again it
    finds nothing."""
    count = 0
    async with db.begin(ctx) as tx:
        for rule in personal.rules:
            sql, values = bound(erasing(rule), subject, ctx)
            count += await tx.execute(sql, *values)
    return count


async def tell(
    db: Database, ctx: Context, personal: Personal, subject: Subject
) -> dict[str, list[dict[str, Any]]]:
    """Table → rows that are about a person."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in personal.rules:
        if rule.told is None:
            continue
        sql, values = bound(telling(rule), subject, ctx)
        rows = [row[0] for row in await db.fetch(sql, *values)]
        if rows:
            found.setdefault(rule.table.partition(".")[2], []).extend(rows)
    return found
