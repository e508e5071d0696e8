"""Keeping answers: nothing waits for the disk, and nothing of that stays with the connection."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio

from haat.engines.sql import Database, open_pool
from haat.gateways.rest.storage import CLAIM, AnswerStore, Kept, Name

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HASH = b"h" * 32
SETTING = "SELECT current_setting('synchronous_commit')"


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    """Of one connection."""
    pool = await open_pool(database_url, size=1)
    yield Database(pool, "rest")
    await pool.close()


async def test_a_claim_is_given_once_until_it_runs_out(db: Database) -> None:
    store, name = AnswerStore(db), Name("p", "POST /v1/orders", "k1")
    assert await store.claim(name, HASH, NOW) is None
    assert await store.claim(name, HASH, NOW + CLAIM) == Kept(HASH, None, "", b"")
    assert await store.claim(name, b"o" * 32, NOW + CLAIM * 2) == Kept(HASH, None, "", b"")
    assert await store.claim(name, HASH, NOW + CLAIM * 2) is None
    await store.keep(name, 201, "application/json", b"{}")
    kept = Kept(HASH, 201, "application/json", b"{}")
    assert await store.claim(name, HASH, NOW + CLAIM * 9) == kept
    await store.forget(name)  # what was answered stays
    assert await store.claim(name, HASH, NOW) == kept


async def test_others_wait_for_the_disk_as_before(db: Database) -> None:
    store, name = AnswerStore(db), Name("p", "POST /v1/orders", "k2")
    await db.execute("SELECT set_config('synchronous_commit', 'on', false)")
    assert await store.claim(name, HASH, NOW) is None
    assert await db.fetchval(SETTING) == "on"
    await store.keep(name, 201, "", b"")
    assert await db.fetchval(SETTING) == "on"
    await store.forget(Name("p", "POST /v1/orders", "k3"))
    assert await db.fetchval(SETTING) == "on"


async def test_a_claim_and_an_answer_are_written_without_waiting(db: Database) -> None:
    """Seen by a trigger, within the same transaction."""
    await db.execute(
        "CREATE FUNCTION rest.seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.content_type := NEW.content_type || current_setting('synchronous_commit');"
        " RETURN NEW; END $$"
    )
    await db.execute(
        "CREATE TRIGGER seen BEFORE INSERT OR UPDATE ON rest.answers"
        " FOR EACH ROW EXECUTE FUNCTION rest.seen()"
    )
    await db.execute("SELECT set_config('synchronous_commit', 'on', false)")
    store, name = AnswerStore(db), Name("p", "POST /v1/orders", "k4")
    assert await store.claim(name, HASH, NOW) is None
    assert await store.claim(name, HASH, NOW) == Kept(HASH, None, "off", b"")
    await store.keep(name, 201, "kept ", b"")
    assert await store.claim(name, HASH, NOW) == Kept(HASH, 201, "kept off", b"")
    await db.execute("DROP FUNCTION rest.seen CASCADE")
