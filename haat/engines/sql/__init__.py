"""PostgreSQL for modules: short transactions, fixed SQL on asyncpg, events in the same commit.

A module gets one `Database`, bound to its own schema. Round trips cost more than commits: prefer
`step` (one statement, its own transaction, events included) over `begin` where one will do.
"""

from haat.engines.sql.database import (
    Database,
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
    "ForeignKeyViolation",
    "Pool",
    "Record",
    "Sql",
    "Tx",
    "UniqueViolation",
    "module_metadata",
    "open_pool",
]
