"""The requests' manifest."""

from haat.domains.goods.requests.api import Requests
from haat.domains.goods.requests.routes import router
from haat.domains.goods.requests.service import RequestsService
from haat.domains.goods.requests.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="requests",
    group="goods",
    contract=Requests,
    service=RequestsService,
    package=__package__,
    tables=metadata,
    router=router,
)
