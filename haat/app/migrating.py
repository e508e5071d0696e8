"""Every schema of an installation, in the order it is migrated."""

import asyncio

from haat.app.installation import CannotStart
from haat.app.targets import MODULES
from haat.engines.sql.migrate import Migrated, migrate, revisions_in

ENGINES = (
    ("bus", "haat.engines.bus"),
    ("scheduler", "haat.engines.scheduler"),
    ("rest", "haat.gateways.rest"),
)


def everything() -> list[Migrated]:
    """Modules first; metadata is only needed to write migrations, not to apply them."""
    modules = [(package.rsplit(".", 1)[1], package) for package in MODULES]
    return [Migrated(name, package, None) for name, package in (*modules, *ENGINES)]


def behind(url: str) -> list[str]:
    """The schemas that are not at their newest migration. From where no event loop runs."""
    schemas = everything()
    places = asyncio.run(revisions_in(url, [schema.name for schema in schemas]))
    return [schema.name for schema in schemas if schema.head > places.get(schema.name, "")]


def migrate_all(url: str) -> list[str]:
    """Applies what is missing; lines such as 'orders 0001'. CannotStart when PostgreSQL refuses."""
    from sqlalchemy.exc import DBAPIError

    try:
        return migrate(url, everything())
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise CannotStart(f"the database cannot be brought up to date: {reason}") from error
