"""Banking's manifest."""

from haat.domains.money.banking import reactions
from haat.domains.money.banking.api import Banking
from haat.domains.money.banking.personal import PERSONAL_DATA
from haat.domains.money.banking.routes import router
from haat.domains.money.banking.service import BankingService
from haat.domains.money.banking.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="banking",
    group="money",
    contract=Banking,
    service=BankingService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
