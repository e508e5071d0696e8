"""The imports' manifest."""

from haat.domains.goods.imports import reactions
from haat.domains.goods.imports.api import Imports
from haat.domains.goods.imports.routes import router
from haat.domains.goods.imports.service import ImportsService
from haat.domains.goods.imports.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="imports",
    group="goods",
    contract=Imports,
    service=ImportsService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
