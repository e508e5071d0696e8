"""The PostgreSQL behind the scheduled simulation: one statement at a time, locks in turn."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from haat.app.sim.server import Connection, Flight, Server

_MAKE = """
DROP SCHEMA IF EXISTS turns CASCADE;
CREATE SCHEMA turns;
CREATE SEQUENCE turns.turn;
CREATE TABLE turns.thing (id int PRIMARY KEY, turn int NOT NULL DEFAULT 0);
INSERT INTO turns.thing SELECT generate_series(1, 6)"""
_TAKE = "UPDATE turns.thing SET turn = nextval('turns.turn') WHERE id = $1 RETURNING turn"


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    with Server(database_url, size=8) as made:
        made.do(_MAKE)
        yield made
        made.settle_all()


def _begin(server: Server) -> Connection:
    connection = server.take()
    server.run(connection.real.execute("BEGIN"))
    connection.in_transaction = True
    return connection


def _send(server: Server, connection: Connection, sql: str, *args: Any) -> tuple[Flight, bool]:
    flight = server.start(connection, "fetchval", sql, args)
    return flight, server.is_done(flight)


def _commit(server: Server, connection: Connection) -> None:
    assert server.is_done(server.start(connection, "execute", "COMMIT", ()))
    connection.in_transaction = False
    server.give_back(connection)


@pytest.mark.parametrize(
    "turns", [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [3, 1, 3, 2, 1, 6]], ids=str
)
def test_those_who_waited_go_on_in_the_order_they_came(server: Server, turns: list[int]) -> None:
    """One commit lets all of them go on; each draws its number alone."""
    first = _begin(server)
    assert _send(server, first, "UPDATE turns.thing SET turn = 0")[1]
    flights = []
    for id in turns:
        flight, done = _send(server, server.take(), _TAKE, id)
        assert not done
        flights.append(flight)
    assert server.wake() == []
    _commit(server, first)
    assert server.wake() == flights
    drawn = [flight.result() for flight in flights]
    assert drawn == sorted(drawn)
    for flight in flights:
        server.give_back(flight.connection)


def test_who_closes_the_circle_is_ended(server: Server) -> None:
    first, second = _begin(server), _begin(server)
    assert _send(server, first, _TAKE, 1)[1]
    assert _send(server, second, _TAKE, 2)[1]
    waiting, done = _send(server, first, _TAKE, 2)
    assert not done
    broken, done = _send(server, second, _TAKE, 1)
    assert done
    with pytest.raises(asyncpg.DeadlockDetectedError):
        broken.result()
    server.give_back(second)
    assert server.wake() == [waiting]
    server.give_back(first)


def test_a_statement_whose_process_was_killed_goes_on(server: Server) -> None:
    first = _begin(server)
    assert _send(server, first, _TAKE, 1)[1]
    flight, done = _send(server, server.take(), _TAKE, 1)
    assert not done
    flight.is_orphan = True
    server.give_back(first)
    assert server.wake() == [flight]
    assert server.look("SELECT turn FROM turns.thing WHERE id = 1")[0]["turn"] > 1


def test_what_is_cancelled_has_not_been_done(server: Server) -> None:
    first = _begin(server)
    assert _send(server, first, "UPDATE turns.thing SET turn = 7")[1]
    flights = [_send(server, server.take(), _TAKE, id)[0] for id in (1, 2, 3)]
    server.cancel(flights[1])
    with pytest.raises(asyncpg.QueryCanceledError):
        flights[1].result()
    server.give_back(first)
    assert server.wake() == [flights[0], flights[2]]
    found = server.look("SELECT id FROM turns.thing WHERE turn = 0 ORDER BY id")
    assert [row["id"] for row in found] == [2, 4, 5, 6]
    for flight in flights:
        server.give_back(flight.connection)
