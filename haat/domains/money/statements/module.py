"""The manifest of statements."""

from haat.domains.money.statements import reactions
from haat.domains.money.statements.api import Statements
from haat.domains.money.statements.proof import prove
from haat.domains.money.statements.routes import router
from haat.domains.money.statements.service import StatementsService
from haat.domains.money.statements.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="statements",
    group="money",
    contract=Statements,
    service=StatementsService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
    prove=prove,
)
