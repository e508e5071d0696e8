"""Every schema of an installation, in the order it is migrated."""

import asyncio

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.app.targets import MODULES
from haat.engines.sql.migrate import Migrated, migrate, revisions_in

BUS = ("bus", "haat.engines.bus")
EVERYWHERE = (("scheduler", "haat.engines.scheduler"), ("rest", "haat.gateways.rest"))
ENGINES = (BUS, *EVERYWHERE)
Places = dict[str, list[Migrated]]  # by the address of the database


def everything() -> list[Migrated]:
    """Modules first; metadata is only needed to write migrations, not to apply them."""
    modules = [(package.rsplit(".", 1)[1], package) for package in MODULES]
    return [Migrated(name, package, None) for name, package in (*modules, *ENGINES)]


def places(settings: AppSettings, packages: tuple[str, ...] = MODULES) -> Places:
    """What stands in which database: modules where they are set to be, timers and kept answers in
    each of these, the bus where it is."""
    found: Places = {}
    for package in packages:
        name = package.rsplit(".", 1)[1]
        found.setdefault(settings.sql_of(name), []).append(Migrated(name, package, None))
    found.setdefault(settings.sql_of("rest"), [])
    for schemas in found.values():
        schemas += [Migrated(name, package, None) for name, package in EVERYWHERE]
    found.setdefault(settings.bus_database, []).append(Migrated(*BUS, None))
    return found


def behind(found: Places) -> list[str]:
    """The schemas that are not at their newest migration. From where no event loop runs."""
    late = []
    for url, schemas in found.items():
        at = asyncio.run(revisions_in(url, [schema.name for schema in schemas]))
        late += [schema.name for schema in schemas if schema.head > at.get(schema.name, "")]
    return late


def migrate_all(settings: AppSettings) -> list[str]:
    """Applies what is missing; lines such as 'orders 0001'. CannotStart when PostgreSQL refuses."""
    from sqlalchemy.exc import DBAPIError

    try:
        return [line for url, schemas in places(settings).items() for line in migrate(url, schemas)]
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise CannotStart(f"the database cannot be brought up to date: {reason}") from error
