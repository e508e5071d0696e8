"""Search's manifest."""

from haat.domains.insight.search import reactions
from haat.domains.insight.search.api import Search
from haat.domains.insight.search.personal import PERSONAL_DATA
from haat.domains.insight.search.routes import router
from haat.domains.insight.search.service import SearchService
from haat.domains.insight.search.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="search",
    group="insight",
    contract=Search,
    service=SearchService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    run=SearchService.follow,
)
