"""Identity's use cases, by what they are about."""

from datetime import timedelta

from haat.domains.people.identity.api import Identity
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.service.sessions import Sessions
from haat.engines.http import Tokens
from haat.engines.sql import Database
from haat.kernel.settings import Settings


class IdentityOptions(Settings):
    """Costs of a password's hash (Argon2id; memory in KiB), and how long tokens live.

    `password_hashes_at_once` times `password_memory_kib` bounds what hashing takes of a process.
    """

    password_memory_kib: int = 19_456
    password_passes: int = 2
    password_hashes_at_once: int = 2
    access_ttl_minutes: int = 15
    refresh_ttl_days: int = 30


class IdentityService(Sessions, Identity):
    """Accounts and sessions on one schema."""

    def __init__(self, db: Database, tokens: Tokens, options: IdentityOptions) -> None:
        self._db = db
        self._tokens = tokens
        self._access = timedelta(minutes=options.access_ttl_minutes)
        self._refresh = timedelta(days=options.refresh_ttl_days)
        self._passwords = Passwords(
            memory_kib=options.password_memory_kib,
            passes=options.password_passes,
            at_once=options.password_hashes_at_once,
        )
