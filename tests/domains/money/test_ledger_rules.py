"""What accounts are called and what a transfer's hash covers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.ledger import rules
from haat.domains.money.ledger.api import Account, Code, Transfer, TransferConflict
from haat.kernel.errors import Invalid

AT = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
CLEARING = Account(kind="clearing", currency="USD")


def hash_with(**changes: Any) -> bytes:
    given: dict[str, Any] = {
        "salt": b"0123456789abcdef",
        "transfer_id": UUID(int=1),
        "sides": (UUID(int=2), UUID(int=3)),
        "amount": (5, "USD"),
        "why": ("capture", UUID(int=4), False),
        "at": AT,
    }
    return rules.transfer_hash(**(given | changes))


def test_the_hash_covers_every_part() -> None:
    others = [
        hash_with(salt=b"x"),
        hash_with(transfer_id=UUID(int=9)),
        hash_with(sides=(UUID(int=3), UUID(int=2))),
        hash_with(amount=(6, "USD")),
        hash_with(amount=(5, "EUR")),
        hash_with(why=("refund", UUID(int=4), False)),
        hash_with(why=("capture", UUID(int=5), False)),
        hash_with(why=("capture", UUID(int=4), True)),
        hash_with(at=AT + timedelta(microseconds=1)),
    ]
    assert len({hash_with(), *others}) == len(others) + 1


def test_the_hash_does_not_depend_on_the_zone_a_time_is_written_in() -> None:
    assert hash_with(at=AT.astimezone(timezone(timedelta(hours=6)))) == hash_with()


@given(st.uuids())
def test_a_transfer_always_uses_the_same_shard(id: UUID) -> None:
    side = rules.stored(CLEARING, id)
    assert side == rules.stored(CLEARING, id)
    assert side.id in rules.rows_of(CLEARING)
    owned = Account(kind="payable", owner=id, currency="USD")
    assert rules.stored(owned, id) == replace(
        side, id=rules.rows_of(owned)[0], account=owned, shard=0
    )


def test_accounts_are_told_apart_by_every_part() -> None:
    owner = uuid4()
    accounts = [
        CLEARING,
        Account(kind="clearing", currency="EUR"),
        Account(kind="tax", currency="USD"),
        Account(kind="payable", owner=owner, currency="USD"),
        Account(kind="escrow", owner=owner, currency="USD"),
        Account(kind="escrow", owner=uuid4(), currency="USD"),
    ]
    ids = [id for account in accounts for id in rules.rows_of(account)]
    assert len(ids) == len(set(ids)) == 3 * 16 + 3


def test_one_id_twice() -> None:
    one = Transfer(
        id=uuid4(),
        debit=CLEARING,
        credit=Account(kind="payable", owner=uuid4(), currency="USD"),
        minor=1,
        code=Code.CAPTURE,
        reference=uuid4(),
    )
    assert rules.distinct([one, one]) == [one]
    with pytest.raises(TransferConflict):
        rules.distinct([one, one.model_copy(update={"minor": 2})])
    with pytest.raises(Invalid):
        rules.check([one] * (rules.BATCH_MAX + 1))
