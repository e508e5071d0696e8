"""Performance's manifest."""

from haat.domains.insight.performance import reactions
from haat.domains.insight.performance.api import Performance
from haat.domains.insight.performance.routes import router
from haat.domains.insight.performance.service import PerformanceService
from haat.domains.insight.performance.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="performance",
    group="insight",
    contract=Performance,
    service=PerformanceService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
