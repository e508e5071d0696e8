"""The media's use cases: pictures in one request (`keeping`), uploads in several (`opening`,
`completing`), files on their way to readers (`serving`), who needs what (`claiming`)."""

from haat.domains.people.media.service.claiming import ClaimCases
from haat.domains.people.media.service.desk import MediaOptions
from haat.domains.people.media.service.serving import ServeCases

__all__ = ["MediaOptions", "MediaService"]


class MediaService(ClaimCases, ServeCases):
    """Media on PostgreSQL and a blob store."""
