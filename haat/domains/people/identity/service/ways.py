"""Ways into an account: one is always left."""

from collections.abc import Iterable
from uuid import UUID

from haat.domains.people.identity.api import LastWayIn
from haat.engines.sql import Sql, Tx

# Locked, so that of two that are removed at once the second sees what the first left.
LOCK = Sql("SELECT has_password FROM identity.people WHERE id = $1 FOR UPDATE")
OTHERS = Sql("""
SELECT EXISTS (SELECT 1 FROM identity.passkeys WHERE person_id = $1 AND id <> $2)
    OR EXISTS (SELECT 1 FROM identity.connections
                WHERE person_id = $1 AND id <> $2 AND provider = ANY($3::text[]))
""")


async def check_way_left(tx: Tx, person_id: UUID, gone: UUID, offered: Iterable[str]) -> None:
    """Raises LastWayIn where nothing is left without the passkey or connection `gone`; connections
    count where their provider is `offered` still."""
    if await tx.fetchval(LOCK, person_id):
        return
    if not await tx.fetchval(OTHERS, person_id, gone, list(offered)):
        raise LastWayIn
