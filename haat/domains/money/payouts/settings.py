"""The account that bank payouts are paid from."""

from haat.kernel.settings import Settings


class PayoutsSettings(Settings):
    """The same as payments reads: the market's own account. Without it no bank file is made."""

    bank_iban: str = ""
    bank_bic: str = ""
    bank_holder: str = ""
