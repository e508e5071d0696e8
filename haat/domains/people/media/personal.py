"""What media has of people: the files they sent for themselves."""

from uuid import UUID

from haat.domains.people.media.service import MediaService
from haat.engines.sql.personal import Personal, Rule
from haat.kernel.context import Context

OWN = "owner_id = :person AND vendor_id IS NULL"


async def _remove(service: MediaService, ctx: Context, person_id: UUID) -> None:
    """The bytes of what is marked, and of what was on its way."""
    await service.forget_uploads(ctx)
    await service.remove_unused(ctx)


# Of a store that never sold anything.
OF_STORE = "vendor_id = ANY(:untraded)"
ENDED = {"alt": "''", "expires_at": "least(expires_at, :now)"}
GONE = {
    "alt": "''",
    "claims": "0",
    "lasting": "false",
    "removed_at": "coalesce(removed_at, :now)",
}
PERSONAL_DATA = Personal(
    rules=(
        Rule("media.uploads", OWN, ENDED),
        Rule("media.uploads", OF_STORE, ENDED, told=None),
        Rule("media.files", OF_STORE, GONE, told=None),
        # Whoever shows one shows nothing instead.
        Rule(
            "media.files",
            OWN,
            GONE,
            told=("id", "digest", "content_type", "size_bytes", "alt", "kind", "uploaded_at"),
        ),
    ),
    after=_remove,
)
