"""Every schema of an installation, in the order it is migrated."""

from haat.app.targets import MODULES
from haat.engines.sql.migrate import Migrated, migrate

ENGINES = (
    ("bus", "haat.engines.bus"),
    ("scheduler", "haat.engines.scheduler"),
    ("rest", "haat.gateways.rest"),
)


def everything() -> list[Migrated]:
    """Modules first; metadata is only needed to write migrations, not to apply them."""
    modules = [(package.rsplit(".", 1)[1], package) for package in MODULES]
    return [Migrated(name, package, None) for name, package in (*modules, *ENGINES)]


def migrate_all(url: str) -> list[str]:
    """Applies what is missing; lines such as 'orders 0001'."""
    return migrate(url, everything())
