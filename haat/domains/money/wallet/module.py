"""The manifest of the wallet."""

from haat.domains.money.wallet import reactions
from haat.domains.money.wallet.api import Wallet
from haat.domains.money.wallet.personal import PERSONAL_DATA
from haat.domains.money.wallet.proof import prove
from haat.domains.money.wallet.routes import router
from haat.domains.money.wallet.service import WalletService
from haat.domains.money.wallet.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="wallet",
    group="money",
    contract=Wallet,
    service=WalletService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
