"""Databases of a server: made where they are missing."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from haat.kernel.errors import Unavailable

_IDENTIFIER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def make_databases(server: str, urls: Iterable[str]) -> list[str]:
    """Makes the databases that these addresses name and that stand on this server; which were new.

    `server` is the address of a database that is there already. Unavailable (`sql_away`).
    """
    here = urlsplit(server)
    names = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme.startswith("postgres") and parts.netloc == here.netloc:
            names.append(parts.path.strip("/"))
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _make(server, sorted(set(names)))).result()


async def _make(server: str, names: list[str]) -> list[str]:
    try:
        connection: Any = await asyncpg.connect(server, timeout=15)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"The database does not answer: {error}", code="sql_away") from error
    made = []
    try:
        for name in names:
            assert set(name) <= _IDENTIFIER, f"{name} is not the name of a database of ours"
            if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                continue
            try:
                await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            except asyncpg.DuplicateDatabaseError:
                continue  # somebody else is starting as well
            made.append(name)
    finally:
        await connection.close()
    return made
