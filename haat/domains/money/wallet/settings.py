"""How credits become money again."""

from haat.kernel.settings import Settings


class WalletSettings(Settings):
    """HAAT_WALLET_PAYOUT_PROVIDER: which provider pays withdrawals out; empty: the first that can,
    else `bank`. HAAT_WALLET_AUTO_WITHDRAW_MINOR: up to this amount of the market's currency a
    withdrawal needs no staff; 0: never."""

    wallet_payout_provider: str = ""
    wallet_auto_withdraw_minor: int = 0
