"""Ids, cursors, problems, contracts and events: what crosses boundaries comes back the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.contract import Contract, command, contract_of, methods_of, query
from haat.kernel.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
)
from haat.kernel.events import Event, every, noted_in, on
from haat.kernel.ids import DerivedIds, RandomIds, derive, uuid7
from haat.kernel.money import Money
from haat.kernel.page import decode_cursor, encode_cursor, page_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Sold(Conflict, code="kernel_test_sold"):
    """This was sold."""


class Thing(Event, name="thing.happened", key="thing_id"):
    thing_id: UUID
    price: Money


class Shop(Contract, name="shop"):
    @command(scope="internal")
    async def sell(self, ctx: Context, *, id: UUID, price: Money, count: int = 1) -> list[UUID]:
        raise AssertionError

    @query()
    async def look(self, ctx: Context) -> None: ...


class ShopService(Shop):
    pass


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_uuid7_layout(ms: int, bits: int) -> None:
    made = uuid7(ms, bits)
    assert (made.version, made.int >> 80) == (7, ms)
    assert str(made)[19] in "89ab"


def test_born_ids_are_ordered_by_time_and_derived_ones_repeat() -> None:
    clock = SettableClock(NOW)
    ids = RandomIds(clock)
    first = ids.new()
    clock.advance(timedelta(milliseconds=1))
    assert first < ids.new()
    parent = UUID(int=7)
    assert derive(parent, "leg") == derive(parent, "leg") != derive(parent, "arm")
    one, two = DerivedIds(parent), DerivedIds(parent)
    assert [one.new(), one.new()] == [two.new(), two.new()]


@given(st.uuids(), st.integers(), st.text())
def test_cursors_come_back(id: UUID, number: int, text: str) -> None:
    cursor = encode_cursor(id, number, text)
    assert decode_cursor(cursor, UUID, int, str) == [id, number, text]


@given(st.text())
def test_foreign_cursors_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(text, UUID, int)
    assert caught.value.fields[0].path == "cursor"


def test_a_cursor_beyond_numbers_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(float("inf")), int)


def test_a_page_knows_whether_there_is_more() -> None:
    rows = [Money(minor=i, currency="USD") for i in range(4)]
    page = page_of(rows, 3, "minor")
    assert [m.minor for m in page.items] == [0, 1, 2]
    assert decode_cursor(page.next, int) == [2]
    assert page_of(rows, 4, "minor").next is None


def test_problems_come_back_as_their_own_class() -> None:
    field = FieldError(path="items.0", code="gone", message="It is gone.")
    document = Sold("Take another.", fields=[field], left=3).document()
    assert document["type"] == "urn:haat:problem:kernel_test_sold"
    again = Problem.from_document(document)
    assert type(again) is Sold
    assert (again.detail, again.fields, again.data) == ("Take another.", (field,), {"left": 3})
    unknown = Problem.from_document({"code": "never_heard", "status": 404})
    assert isinstance(unknown, NotFound)
    assert unknown.code == "never_heard"


def test_contracts_give_their_wire_types() -> None:
    methods = methods_of(Shop)
    assert set(methods) == {"sell", "look"}
    assert contract_of(ShopService) is Shop
    request = methods["sell"].request.model_validate_json(
        b'{"id": "00000000-0000-0000-0000-000000000007", "price": {"minor": 5, "currency": "USD"}}'
    )
    assert request.model_dump()["count"] == 1
    assert methods["sell"].mark.scope == "internal"


def test_events_have_a_name_and_a_key() -> None:
    event = Thing(thing_id=UUID(int=3), price=Money(minor=1, currency="USD"))
    assert (Thing.event_name, event.key) == ("thing.happened", str(UUID(int=3)))
    assert "eventId" not in event.model_dump(mode="json")


def test_reactions_and_timers_are_noted() -> None:
    class Namespace:
        @on(Thing, batch=7)
        async def heard(service: object, ctx: Context, events: list[Thing]) -> None: ...

        @on(Thing)
        async def wrote(service: object, ctx: Context, tx: object, events: list[Thing]) -> None: ...

        @every(seconds=5)
        async def sweep(service: object, ctx: Context) -> None: ...

    Namespace.__name__ = __name__
    noted = noted_in(Namespace)
    assert [(r.event, r.writes, r.batch) for r in noted.reactions] == [
        (Thing, False, 7),
        (Thing, True, 100),
    ]
    assert [t.seconds for t in noted.timers] == [5]


def test_contexts_keep_rights_apart() -> None:
    mine, other = UUID(int=1), UUID(int=2)
    member = Context(actor=Actor("person", UUID(int=9)), vendor_id=mine, clock=SettableClock(NOW))
    member.need_vendor(mine)
    with pytest.raises(NotFound):
        member.need_vendor(other)
    with pytest.raises(Forbidden):
        Context(actor=Actor("person", UUID(int=9))).acting_vendor  # noqa: B018
    Context(actor=SYSTEM).need_vendor(other)
    # Staff who are in a vendor's team as well have nothing in another's.
    officer = replace(member, scopes=frozenset({"staff", "vendor:money"}))
    with pytest.raises(NotFound):
        officer.need_vendor(other)
    for ask in (lambda: Context().acting_vendor, lambda: Context().need_vendor(mine)):
        with pytest.raises(Unauthenticated):
            ask()
    assert member.within(5).deadline == NOW + timedelta(seconds=5)
    assert member.within(5).within(60).deadline == NOW + timedelta(seconds=5)
