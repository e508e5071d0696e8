"""The account that bank payouts are paid from."""

from typing import Annotated, Literal

from pydantic import Field

from haat.kernel.settings import Settings


class PayoutsSettings(Settings):
    """The same as payments reads: the market's own account. Without it no bank file is made.

    After a vendor's bank account was changed its payouts wait for `bank_cooling_off_hours`.
    `bank_verification` is banking's: where accounts are checked, none comes past it.
    """

    bank_iban: str = ""
    bank_bic: str = ""
    bank_holder: str = ""
    bank_cooling_off_hours: Annotated[int, Field(ge=0, le=720)] = 48
    bank_verification: Literal["optional", "required"] = "optional"
