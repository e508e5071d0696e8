"""What a bank account's numbers must be."""

import re

from stdnum import iban
from stdnum.us import rtn

from haat.domains.money.banking.api import BankAccount
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.text import is_plain_line

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}")
_BIC = re.compile(r"[A-Z0-9]{8}([A-Z0-9]{3})?")
_ROUTING = re.compile(r"[A-Z0-9]{3,20}")


def checked(account: BankAccount) -> BankAccount:
    """Without spaces and dashes. Invalid with every field that is wrong."""
    plain = {
        "holder": " ".join(account.holder.split()),
        "bank": " ".join(account.bank.split()),
        "account": _tight(account.account),
        "bic": _tight(account.bic),
        "routing": _tight(account.routing),
    }
    wrong = []

    def refuse(path: str, message: str, code: str) -> None:
        wrong.append(FieldError(path=path, code=code, message=message))

    if not plain["holder"] or not is_plain_line(plain["holder"]):
        refuse("holder", "Whose account is it?", "holder_invalid")
    if not is_plain_line(plain["bank"]):
        refuse("bank", "Use plain text.", "text_invalid")
    if not _ACCOUNT.fullmatch(plain["account"]):
        refuse("account", "4 to 34 letters and digits.", "account_invalid")
    elif _IBAN.fullmatch(plain["account"]) and not iban.is_valid(
        plain["account"], check_country=False
    ):
        refuse("account", "The check digits of this IBAN are wrong: look again.", "iban_invalid")
    if plain["bic"] and not _BIC.fullmatch(plain["bic"]):
        refuse("bic", "8 or 11 letters and digits.", "bic_invalid")
    if account.country == "US" and not rtn.is_valid(plain["routing"]):
        refuse("routing", "Nine digits: look at a cheque or a statement.", "routing_invalid")
    elif plain["routing"] and not _ROUTING.fullmatch(plain["routing"]):
        refuse("routing", "3 to 20 letters and digits.", "routing_invalid")
    if wrong:
        raise Invalid("This account needs another look.", fields=wrong)
    return account.model_copy(update=plain)


def masked(account: str) -> str:
    """All but the last four characters hidden, whatever the length."""
    return "•" * max(len(account) - 4, 4) + account[-4:]


def _tight(text: str) -> str:
    """Upper case where it is ASCII: "ß" must not become the two letters it would."""
    plain = re.sub(r"[\s-]", "", text)
    return plain.upper() if plain.isascii() else plain
