"""The media's manifest."""

from haat.domains.people.media import reactions
from haat.domains.people.media.api import Media
from haat.domains.people.media.routes import media_router, router
from haat.domains.people.media.service import MediaService
from haat.domains.people.media.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="media",
    group="people",
    contract=Media,
    service=MediaService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
    site_router=media_router,
)
