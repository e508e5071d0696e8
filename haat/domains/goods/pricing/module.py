"""The manifest of pricing."""

from haat.domains.goods.pricing.api import Pricing
from haat.domains.goods.pricing.routes import router
from haat.domains.goods.pricing.service import PricingService
from haat.domains.goods.pricing.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="pricing",
    group="goods",
    contract=Pricing,
    service=PricingService,
    package=__package__,
    tables=metadata,
    router=router,
)
