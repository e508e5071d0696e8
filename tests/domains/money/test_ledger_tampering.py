"""Whatever is changed in any column of any row of the books, taken away or swapped, is named.

As the superuser, past every trigger, one change at a time; put back, the books add up again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from haat.domains.money.ledger import hashing, rules
from haat.domains.money.ledger.api import Account, Code, Transfer
from haat.domains.money.ledger.proof import INVARIANTS, prove
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.ledger.tables import metadata
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.entries import CLEARING, COMMISSION, CTX, escrow, move, payable

LATER = datetime(2100, 1, 1, tzinfo=UTC)
TABLES = ["accounts", "transfers", "outcomes", "chain", "unsealed", "expiring"]
COLUMNS = [
    (table, column.name)
    for table in TABLES
    for column in metadata.tables[f"ledger.{table}"].columns
]
# Of each type, what one byte more or less could make of it, and worse.
CHANGES = {
    "uuid": [
        "(overlay({c}::text PLACING CASE left({c}::text, 1) WHEN '0' THEN '1' ELSE '0' END"
        " FROM 1 FOR 1))::uuid",
        "(overlay({c}::text PLACING CASE right({c}::text, 1) WHEN '0' THEN '1' ELSE '0' END"
        " FROM 36 FOR 1))::uuid",
        "gen_random_uuid()",
    ],
    "int8": ["{c} + 1", "{c} # 65536", "-{c}", "{c} # (1::bigint << 56)"],
    "int2": ["({c} + 1)::int2", "({c} + 256)::int2"],
    "bool": ["NOT {c}"],
    "text": ["left({c}, -1) || chr(ascii(right({c}, 1)) + 1)", "{c} || 'x'", "''", "'tax'"],
    "timestamptz": [
        "{c} + interval '1 microsecond'",
        "{c} - interval '1 day'",
        "{c} + interval '200000 years'",
        "'infinity'::timestamptz",
    ],
    "bytea": [
        "set_byte({c}, 0, get_byte({c}, 0) # 1)",
        "set_byte({c}, length({c}) - 1, get_byte({c}, length({c}) - 1) # 128)",
        "substr({c}, 2)",
        "{c} || '\\x00'::bytea",
    ],
}
REFUSED = (
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.UniqueViolationError,
    asyncpg.NumericValueOutOfRangeError,
)


@dataclass
class Books:
    """Books of every kind of row, some of it not sealed yet, and a way past the triggers."""

    ledger: LedgerService
    db: Database
    superuser: Any

    async def keys(self, table: str) -> list[Any]:
        """Where the table's rows are."""
        order = "position" if table == "chain" else "1"
        rows = await self.superuser.fetch(f"SELECT ctid FROM ledger.{table} ORDER BY {order}")
        return [row["ctid"] for row in rows]

    async def row(self, table: str, key: Any) -> Any:
        return await self.superuser.fetchrow(f"SELECT * FROM ledger.{table} WHERE ctid = $1", key)

    async def put(self, table: str, key: Any, column: str, value: str, *args: Any) -> Any:
        """Sets one column; where the row is then."""
        return await self.superuser.fetchval(
            f"UPDATE ledger.{table} SET {column} = {value} WHERE ctid = $1 RETURNING ctid",
            key,
            *args,
        )

    @asynccontextmanager
    async def without(self, table: str, key: Any) -> AsyncIterator[None]:
        copy = f"saved_{uuid4().hex[:8]}"
        await self.superuser.execute(
            f"CREATE TEMP TABLE {copy} AS SELECT * FROM ledger.{table} WHERE ctid = '{key_of(key)}'"
        )
        await self.superuser.execute(f"DELETE FROM ledger.{table} WHERE ctid = $1", key)
        yield
        await self.superuser.execute(f"INSERT INTO ledger.{table} SELECT * FROM {copy}")

    async def waiting(self) -> UUID:
        """One more transfer that is not sealed yet."""
        one = move(CLEARING, payable(uuid4()), 3)
        await self.ledger.post(CTX, transfers=[one])
        return one.id

    @asynccontextmanager
    async def forged(
        self, debit: Account, credit: Account, currency: str, *, waits: bool = True
    ) -> AsyncIterator[Transfer]:
        """A transfer of 5 that the ledger did not post, with its hash and sums."""
        one, salt, at = move(debit, credit, 5), bytes(16), CTX.now()
        await self.ledger.open(CTX, accounts=[debit, credit])
        sides = rules.stored(debit, 0).id, rules.stored(credit, 0).id
        why = ("capture", one.reference, False)
        digest = hashing.transfer_hash(salt, one.id, sides, (5, currency), why, (at, None))
        execute = self.superuser.execute
        await execute(
            "INSERT INTO ledger.transfers VALUES ($1,$2,$3,5,$4,'capture',$5,false,$6,$7,$8)",
            one.id, *sides, currency, one.reference, at, salt, digest,
        )  # fmt: skip
        if waits:
            await execute("INSERT INTO ledger.unsealed VALUES ($1, false, $2)", one.id, digest)
        sums = (
            "UPDATE ledger.accounts SET debits = debits + CASE WHEN id = $1 THEN $3::bigint"
            " ELSE 0 END, credits = credits + CASE WHEN id = $2 THEN $3::bigint ELSE 0 END"
        )
        await execute(sums, *sides, 5)
        yield one
        await execute(sums, *sides, -5)
        await execute("DELETE FROM ledger.transfers WHERE id = $1", one.id)
        await execute("DELETE FROM ledger.chain WHERE row_id = $1", one.id)

    async def named(self, *words: str) -> str:
        found = await prove(self.db)
        assert len(found) == 1
        assert found[0].startswith(tuple(f"ledger.{name}: " for name in INVARIANTS))
        assert not words or any(word in found[0] for word in words), (found, words)
        return found[0]


def key_of(ctid: tuple[int, int]) -> str:
    return f"({ctid[0]},{ctid[1]})"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def books(
    database_of: Callable[[str], Awaitable[Database]], database_url: str
) -> AsyncIterator[Books]:
    await emptied(database_url, "ledger")
    db = await database_of("ledger")
    ledger = LedgerService(db)
    superuser = await asyncpg.connect(database_url)
    await superuser.execute("SET session_replication_role = replica")
    # As text: a time that was tampered with may be none that Python knows.
    await superuser.set_type_codec("timestamptz", schema="pg_catalog", encoder=str, decoder=str)
    for n in range(3):
        order, vendor = escrow(uuid4()), payable(uuid4())
        ref = uuid4()
        await ledger.post(CTX, transfers=[move(CLEARING, order, 1000 + n, reference=ref)])
        parts = [
            move(order, vendor, 900, code=Code.EARNING, reference=ref),
            move(order, COMMISSION, 30 + n, code=Code.COMMISSION, reference=ref),
        ]
        await ledger.post(CTX, transfers=parts)
        await ledger.seal(CTX)
        pending = [
            move(vendor, CLEARING, 100 + i, code=Code.PAYOUT, pending=True, expires_at=expires)
            for i, expires in enumerate((None, LATER, LATER + timedelta(days=n)))
        ]
        await ledger.post(CTX, transfers=pending)
        await ledger.post_pending(CTX, ids=[pending[0].id])
        await ledger.void_pending(CTX, ids=[pending[1].id])
    await ledger.seal(CTX)
    yield Books(ledger, db, superuser)
    await superuser.close()


def words_for(table: str, row: Any) -> list[str]:
    """One of these stands in a finding about this row."""
    names = ["id", "transfer_id", "row_id", "owner", "position"]
    return [str(row[name]) for name in names if name in row and row[name] is not None]


async def test_untouched_books_add_up(books: Books) -> None:
    assert await prove(books.db, limit=20) == []
    for table in ("accounts", "transfers", "outcomes", "chain", "expiring"):
        assert len(await books.keys(table)) >= 3


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_any_change_of_any_column_is_named(books: Books, table: str, column: str) -> None:
    kind = await books.superuser.fetchval(
        "SELECT udt_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = $1 AND column_name = $2",
        table,
        column,
    )
    tried = 0
    for change in [*CHANGES[kind], "NULL"]:
        if table == "unsealed":
            await books.waiting()
        keys = await books.keys(table)
        places = {0, len(keys) // 2, len(keys) - 1} if table != "unsealed" else {0}
        for key in [keys[place] for place in places]:
            row = await books.row(table, key)
            value = change.format(c=column)
            if row[column] is None and change != "NULL":
                value = "now()" if kind == "timestamptz" else "gen_random_uuid()"
            try:
                moved = await books.put(table, key, column, value)
            except REFUSED:
                continue  # PostgreSQL itself says no
            after = await books.row(table, moved)
            if after[column] != row[column]:
                tried += 1
                line = await books.named(*words_for(table, row), *words_for(table, after))
                if table == "transfers" and column != "reference":
                    assert column == "id" or str(row["reference"]) in line
            await books.put(table, moved, column, "$2", row[column])
            assert await prove(books.db) == []
    assert tried > 0


@pytest.mark.parametrize("table", TABLES)
async def test_any_row_that_is_gone_is_named(books: Books, table: str) -> None:
    for place in range(min(len(await books.keys(table)), 9) or 2):
        if table == "unsealed":
            await books.waiting()  # the proof before this one sealed what waited
        keys = await books.keys(table)
        key = keys[place % len(keys)]
        row = await books.row(table, key)
        async with books.without(table, key):
            line = await books.named(*words_for(table, row))
            if table in ("transfers", "outcomes"):
                assert "is gone" in line
        assert await prove(books.db) == []


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_any_two_values_swapped_are_named(books: Books, table: str, column: str) -> None:
    """Between neighbours; keys by way of a value that nobody has."""
    count = len(await books.keys(table)) if table != "unsealed" else 3
    for a, b in list(pairwise(range(count)))[:6]:
        if table == "unsealed":
            await books.waiting()
            await books.waiting()
            a, b = 0, 1
        keys = await books.keys(table)
        rows = [await books.row(table, keys[n]) for n in (a, b)]
        if rows[0][column] == rows[1][column]:
            continue
        try:
            at = await _swapped(books, table, column, [keys[a], keys[b]], rows)
        except REFUSED:
            continue
        if table == "unsealed" and column == "outcome":
            continue
        await books.named(*(word for row in rows for word in words_for(table, row)))
        await _swapped(books, table, column, at, rows[::-1])
        assert await prove(books.db) == []


async def _swapped(
    books: Books, table: str, column: str, keys: list[Any], rows: list[Any]
) -> list[Any]:
    """Gives each row the other's value, all or nothing; where the rows are then."""
    values = [row[column] for row in rows]
    async with books.superuser.transaction():
        aside: Any = values[0]
        if isinstance(aside, UUID | asyncpg.pgproto.pgproto.UUID):
            aside = uuid4()
        elif column == "position":
            aside = -1
        first = await books.put(table, keys[0], column, "$2", aside)
        second = await books.put(table, keys[1], column, "$2", values[0])
        return [await books.put(table, first, column, "$2", values[1]), second]


async def test_a_row_put_in_past_the_ledger_is_named(books: Books) -> None:
    """With a right hash, and with its sums moved: still nobody sealed it."""
    async with books.forged(CLEARING, payable(uuid4()), "USD", waits=False) as one:
        line = await books.named(str(one.id))
        assert "ledger.sealed" in line
        assert str(one.reference) in line
    assert await prove(books.db) == []


async def test_a_transfer_rewritten_with_a_new_hash_is_named(books: Books) -> None:
    """Whoever can compute a hash still cannot change what was sealed."""
    [key, *_] = await books.keys("transfers")
    row = await books.row("transfers", key)
    digest = hashing.transfer_hash(
        row["salt"],
        row["id"],
        (row["debit_id"], row["credit_id"]),
        (row["minor"] + 1, row["currency"]),
        (row["code"], row["reference"], row["pending"]),
        (datetime.fromisoformat(row["at"]), None),
    )
    moved = await books.put("transfers", key, "minor", "minor + 1")
    moved = await books.put("transfers", moved, "hash", "$2", digest)
    line = await books.named(str(row["id"]))
    assert "is not what was sealed" in line
    moved = await books.put("transfers", moved, "minor", "minor - 1")
    await books.put("transfers", moved, "hash", "$2", row["hash"])
    assert await prove(books.db) == []


async def test_the_first_bad_entry_is_named_first(books: Books) -> None:
    links = await books.superuser.fetch(
        "SELECT row_id FROM ledger.chain WHERE NOT outcome ORDER BY position"
    )
    for id in (links[5]["row_id"], links[2]["row_id"]):
        await books.superuser.execute(
            "UPDATE ledger.transfers SET minor = minor + 1 WHERE id=$1", id
        )
    found = await prove(books.db, limit=5)
    assert str(links[2]["row_id"]) in found[0]
    assert str(links[5]["row_id"]) in found[1]
    for id in (links[5]["row_id"], links[2]["row_id"]):
        await books.superuser.execute(
            "UPDATE ledger.transfers SET minor = minor - 1 WHERE id=$1", id
        )
    assert await prove(books.db) == []


async def test_a_cut_off_end_shows_against_a_head_noted_down(books: Books) -> None:
    """A forger of everything: the newest transfer, its seal, and the sums. Only the head tells."""
    id = await books.waiting()
    await books.ledger.seal(CTX)
    noted = await books.ledger.head(CTX)
    assert noted is not None
    at = await books.ledger.head(CTX, position=noted.position)
    assert at == noted
    row = await books.superuser.fetchrow("SELECT * FROM ledger.transfers WHERE id = $1", id)
    await books.superuser.execute("DELETE FROM ledger.transfers WHERE id = $1", id)
    assert "is gone" in await books.named(str(id))
    await books.superuser.execute("DELETE FROM ledger.chain WHERE row_id = $1", id)
    await books.named(str(row["debit_id"]), str(row["credit_id"]))
    for side, name in ((row["debit_id"], "debits"), (row["credit_id"], "credits")):
        change = f"UPDATE ledger.accounts SET {name} = {name} - 3 WHERE id = $1"
        await books.superuser.execute(change, side)
    assert await prove(books.db) == []
    assert await books.ledger.head(CTX, position=noted.position) is None
    await books.waiting()
    await books.ledger.seal(CTX)
    newer = await books.ledger.head(CTX, position=noted.position)
    assert newer is not None
    assert newer.hash != noted.hash


async def test_rows_from_before_the_chain_stay_valid(books: Books) -> None:
    """They carry hashes of the first format, and lie in wait as migration 0002 leaves them."""
    vendor, at = payable(uuid4()), CTX.now()
    one = move(vendor, CLEARING, 40, pending=True, code=Code.PAYOUT)
    await books.ledger.post(CTX, transfers=[move(CLEARING, vendor, 50)])
    await books.ledger.seal(CTX)
    debit, credit = rules.stored(one.debit, 0), rules.stored(one.credit, 0)
    await books.ledger.open(CTX, accounts=[CLEARING])
    salt = b"s" * 16
    digest = hashing.first_transfer_hash(
        salt, one.id, (debit.id, credit.id), (40, "USD"), ("payout", one.reference, True), at
    )
    ended = hashing.first_outcome_hash(salt, one.id, True, at)
    execute = books.superuser.execute
    await execute(
        "INSERT INTO ledger.transfers VALUES ($1,$2,$3,40,'USD','payout',$4,true,$5,$6,$7)",
        one.id, debit.id, credit.id, one.reference, at, salt, digest,
    )  # fmt: skip
    await execute("INSERT INTO ledger.outcomes VALUES ($1,true,$2,$3,$4)", one.id, at, salt, ended)
    await execute(
        "INSERT INTO ledger.unsealed VALUES ($1,false,$2), ($1,true,$3)", one.id, digest, ended
    )
    await execute("UPDATE ledger.accounts SET debits = debits + 40 WHERE id = $1", debit.id)
    await execute("UPDATE ledger.accounts SET credits = credits + 40 WHERE id = $1", credit.id)
    assert await prove(books.db) == []
    for table, key in (("transfers", "id"), ("outcomes", "transfer_id")):
        change = f"UPDATE ledger.{table} SET at = at + interval '1 s' WHERE {key} = $1"
        await execute(change, one.id)
        assert "was altered" in await books.named(str(one.id))
        await execute(change.replace("+ interval", "- interval"), one.id)
    assert await prove(books.db) == []


async def test_an_account_below_zero_and_one_in_two_currencies(books: Books) -> None:
    """What the ledger refuses to post is found when it stands there all the same."""
    order, vendor = escrow(uuid4()), payable(uuid4())
    await books.superuser.execute("ALTER TABLE ledger.accounts DROP CONSTRAINT ck_accounts_covered")
    async with books.forged(order, vendor, "USD"):
        assert "ledger.covered: escrow" in await books.named(str(order.owner))
    async with books.forged(CLEARING, vendor, "EUR"):
        assert "ledger.currency: " in await books.named()
    assert await prove(books.db) == []
