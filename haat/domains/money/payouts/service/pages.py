"""Where a list that shows the newest first goes on."""

from datetime import UTC, datetime
from uuid import UUID

from haat.kernel.page import decode_cursor

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
START_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)


def before(cursor: str | None) -> tuple[datetime, UUID]:
    """(time, id) behind which the page begins."""
    key = decode_cursor(cursor, datetime.fromisoformat, UUID)
    return (key[0], key[1]) if key else (END_OF_TIME, _LAST_ID)
