"""PostgreSQL for modules: short transactions, fixed SQL on asyncpg, events in the same commit.

A module gets one `Database`, bound to its own schema. Round trips cost more than commits: prefer
`step` (one statement, its own transaction, events included) over `begin` where one will do.

What is imported here is looked up when it is asked for: the supervisor starts PostgreSQL with this
package, and would keep asyncpg and SQLAlchemy (30 MB) for as long as the market runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from haat.engines.sql.database import (
        Database,
        Deadlock,
        ForeignKeyViolation,
        Pool,
        Record,
        Sql,
        Tx,
        UniqueViolation,
        open_pool,
    )
    from haat.engines.sql.schema import IMPERSONAL, PERSONAL, module_metadata

__all__ = [
    "IMPERSONAL",
    "PERSONAL",
    "Database",
    "Deadlock",
    "ForeignKeyViolation",
    "Pool",
    "Record",
    "Sql",
    "Tx",
    "UniqueViolation",
    "module_metadata",
    "open_pool",
]
_TABLES = ("IMPERSONAL", "PERSONAL", "module_metadata")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "schema" if name in _TABLES else "database"
    return getattr(import_module(f"{__name__}.{place}"), name)
