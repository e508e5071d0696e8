"""Rows from before the second migration are as good as new ones after it, and the way back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from haat.domains.money.payments.rules import RANK
from haat.engines.sql.migrate import migrated
from haat.engines.sql.revisions import connected, context_of
from tests import postgres

PAYMENTS = migrated("haat.domains.money.payments")
AT = datetime(2026, 5, 1, tzinfo=UTC)
OLD_RANK = {"created": 0, "needs_action": 1, "authorized": 2, "captured": 3, "voided": 3}
TAKEN, REFUND, PAYOUT = UUID(int=3), UUID(int=91), UUID(int=92)


def go(connection: sa.Connection, target: str) -> None:
    """Up or down to a revision, in one transaction."""
    script = ScriptDirectory(PAYMENTS.folder, version_locations=[PAYMENTS.folder])

    def steps(current: Any, _: Any) -> Any:
        known = current if isinstance(current, tuple) else (current,)
        if known and known[0] and known[0] > target:
            return script._downgrade_revs(target, known[0])
        return script._upgrade_revs(target, current)

    with connection.begin():
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS payments"))
        context = context_of(connection, PAYMENTS, fn=steps)
        with Operations.context(context):
            context.run_migrations()


@pytest.fixture
def connection(postgres_url: str) -> Iterator[sa.Connection]:
    with postgres.database(postgres_url) as url, connected(url) as found:
        go(found, "0001")
        yield found


def fill(connection: sa.Connection) -> None:
    """A payment in each state, a refund, a payout and two messages, as version 1 wrote them."""
    payment = sa.text(
        "INSERT INTO payments.payments (id, reference, provider, currency, minor, hosted, status,"
        " rank, captured_minor, refunded_minor, created_at, changed_at, asked_at)"
        " VALUES (:id, :id, 'test', 'USD', 500, false, :status, :rank, :captured, :refunded,"
        " :at, :at, :at)"
    )
    with connection.begin():
        for n, (status, rank) in enumerate(OLD_RANK.items()):
            taken = status == "captured"
            given = {"id": UUID(int=n), "status": status, "rank": rank, "at": AT}
            sums = {"captured": 500 if taken else 0, "refunded": 200 if taken else 0}
            connection.execute(payment, given | sums)
        connection.execute(
            sa.text(
                "INSERT INTO payments.refunds (id, payment_id, minor, status, created_at, asked_at)"
                " VALUES (:id, :payment, 200, 'done', :at, :at)"
            ),
            {"id": REFUND, "payment": TAKEN, "at": AT},
        )
        connection.execute(
            sa.text(
                "INSERT INTO payments.disbursements (id, provider, currency, minor, status,"
                " created_at) VALUES (:id, 'test', 'USD', 5, 'paid', :at)"
            ),
            {"id": PAYOUT, "at": AT},
        )
        for event, id in (("e1", str(TAKEN)), ("e2", "of another shop")):
            connection.execute(
                sa.text(
                    "INSERT INTO payments.provider_events VALUES ('test', :event,"
                    " 'intent.captured', jsonb_build_object('data', jsonb_build_object('object',"
                    " jsonb_build_object('id', CAST(:id AS text)))), :at)"
                ),
                {"event": event, "id": id, "at": AT},
            )


def all_of(connection: sa.Connection, columns: str, table: str) -> list[tuple[Any, ...]]:
    query = sa.text(f"SELECT {columns} FROM payments.{table} ORDER BY 1")
    with connection.begin():
        return [tuple(row) for row in connection.execute(query)]


def test_old_rows_are_filled_in(connection: sa.Connection) -> None:
    fill(connection)
    go(connection, "0002")
    found = all_of(connection, "id, status, rank, purpose, captured_at", "payments")
    ranks = {str(status): rank for status, rank in RANK.items()}
    assert [row[1:] for row in found] == [
        (status, ranks[status], "order", AT if status == "captured" else None)
        for status in OLD_RANK
    ]
    assert all_of(connection, "id, provider, done_at, by_hand", "refunds") == [
        (REFUND, "test", AT, False)
    ]
    assert all_of(connection, "id, paid_at", "disbursements") == [(PAYOUT, AT)]
    kept = all_of(connection, "event_id, payment_id", "provider_events")
    assert kept == [("e1", TAKEN), ("e2", None)]


def test_the_way_back(connection: sa.Connection) -> None:
    fill(connection)
    before = all_of(connection, "*", "payments")
    go(connection, "0002")
    with connection.begin():
        waits = "UPDATE payments.payments SET status = 'awaiting', rank = 2 WHERE status = 'voided'"
        connection.execute(sa.text(waits))
    go(connection, "0001")
    after = all_of(connection, "*", "payments")
    assert after[:-1] == before[:-1]
    assert all_of(connection, "id, status, rank", "payments")[-1][1:] == ("created", 0)
