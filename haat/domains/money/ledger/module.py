"""The ledger's manifest."""

from haat.domains.money.ledger import reactions
from haat.domains.money.ledger.api import Ledger
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.ledger.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="ledger",
    group="money",
    contract=Ledger,
    service=LedgerService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    prove=prove,
)
