"""The media's manifest."""

from haat.domains.people.media import reactions
from haat.domains.people.media.api import Media
from haat.domains.people.media.personal import PERSONAL_DATA
from haat.domains.people.media.proof import prove
from haat.domains.people.media.service import MediaService
from haat.domains.people.media.site_routes import media_router
from haat.domains.people.media.tables import metadata
from haat.domains.people.media.tus import router
from haat.kernel.module import Module

MODULE = Module(
    name="media",
    group="people",
    contract=Media,
    service=MediaService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    site_router=media_router,
    prove=prove,
)
