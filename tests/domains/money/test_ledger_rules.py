"""What accounts are called and what a transfer's hash covers."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.ledger import hashing, rules
from haat.domains.money.ledger.api import Account, AccountKind, Code, Transfer, TransferConflict
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
        "times": (AT, None),
    }
    return hashing.transfer_hash(**(given | changes))


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
        hash_with(times=(AT + timedelta(microseconds=1), None)),
        hash_with(times=(AT, AT)),
        hash_with(amount=(5, "US"), why=("Dcapture", UUID(int=4), False)),
    ]
    assert len({hash_with(), *others}) == len(others) + 1


def test_the_hash_does_not_depend_on_the_zone_a_time_is_written_in() -> None:
    assert hash_with(times=(AT.astimezone(timezone(timedelta(hours=6))), None)) == hash_with()


@given(st.uuids(), st.integers(0, 1000))
def test_only_platform_and_provider_accounts_are_many_rows(owner: UUID, shard: int) -> None:
    assert rules.stored(CLEARING, shard).id in rules.rows_of(CLEARING)
    owned = Account(kind="payable", owner=owner, currency="USD")
    assert rules.stored(owned, shard) == (rules.rows_of(owned)[0], owned, 0)
    assert len(rules.rows_of(Account(kind="disputed", owner=owner, currency="USD"))) == 16


@given(st.integers(-3_000_000_000_000_000, 200_000_000_000_000_000))
def test_times_are_written_as_postgresql_writes_them(microseconds: int) -> None:
    """Since the year 2000, which is where its own count begins."""
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert hashing.time_of(hashing.time_bytes(at)) == at
    assert hashing.microseconds(at.astimezone(timezone(timedelta(hours=6)))) == microseconds


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


def test_what_has_no_owner_and_what_must_have_one() -> None:
    """Every kind, as the contract says; clearing may be of a provider or from before."""
    somebody = uuid4()
    for kind in get_args(AccountKind):
        currency = "XCR" if kind == "wallet" else "USD"
        for owner in (None, somebody):
            account = Account(kind=kind, owner=owner, currency=currency)
            if kind == "clearing" or (owner is None) == (kind in rules.UNOWNED):
                rules.check_accounts([account])
            else:
                with pytest.raises(Invalid):
                    rules.check_accounts([account])
    with pytest.raises(Invalid):
        rules.check_accounts([Account(kind="wallet", owner=somebody, currency="USD")])


def test_only_what_is_pending_expires_and_times_have_a_zone() -> None:
    vendor = Account(kind="payable", owner=uuid4(), currency="USD")
    given = {"id": uuid4(), "debit": vendor, "credit": CLEARING, "minor": 1, "code": Code.PAYOUT}
    given |= {"reference": uuid4(), "expires_at": AT}
    rules.check([Transfer.model_validate({**given, "pending": True})])
    for wrong in ({"pending": False}, {"pending": True, "expires_at": AT.replace(tzinfo=None)}):
        with pytest.raises(Invalid):
            rules.check([Transfer.model_validate({**given, **wrong})])
