"""Files that tell a bank what to pay out: SEPA credit transfers (pain.001.001.09) and CSV. Pure.

Source of the structure and of the allowed characters: EPC132-08, SEPA Credit Transfer
customer-to-PSP implementation guidelines, and EPC217-08 on transliteration. The same input always
makes the same text.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from xml.sax.saxutils import escape  # nosec B406

from stdnum import bic as bics
from stdnum import iban as ibans

from haat.kernel.errors import Invalid, Problem
from haat.kernel.money import Money, total

PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
COLUMNS = ("payout_id", "holder", "account", "bic", "amount", "currency", "text")
_SEPA_MAX = 999_999_999_99  # minor units: what one SEPA transfer may carry
_NAME_MAX, _TEXT_MAX = 70, 140
_FOREIGN = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_LETTER = re.compile(r"[A-Za-z0-9]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What has no base letter in Unicode; Greek and Cyrillic as the EPC's tables have them.
_LETTERS = {
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "TH",
    "ı": "i",
    "ħ": "h",
    "Ħ": "H",
    "ŧ": "t",
    "Ŧ": "T",
    "ŋ": "n",
    "Ŋ": "N",
    "ĸ": "k",
    "’": "'",
    "‘": "'",
    "`": "'",
    "´": "'",
    "“": "'",
    "”": "'",
    '"': "'",
    "„": "'",
    "–": "-",
    "—": "-",
    "_": "-",
    "&": "+",
    "·": ".",
    ";": ",",
    "!": ".",
    "\u00a0": " ",
    "@": "(at)",
    "€": "EUR",
    "\n": " ",
    "\r": " ",
    "\t": " ",
    **dict(zip("αβγδεζηικλμνξοπρστυφω", "avgdeziiklmnxoprstyfo", strict=True)),
    "θ": "th",
    "χ": "ch",
    "ψ": "ps",
    "ς": "s",
    **dict(zip("абвгдезийклмнопрстуфьыэ", "abvgdeziyklmnoprstufyye", strict=True)),
    "ж": "zh",
    "х": "h",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "sht",
    "ъ": "a",
    "ю": "yu",
    "я": "ya",
    "є": "ye",
    "і": "i",
    "ґ": "g",
    "ё": "e",
}


@dataclass(frozen=True, slots=True)
class Debtor:
    """Whose account pays: ours."""

    holder: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Credit:
    """One payout. `account` is an IBAN, or in the CSV any account number; `text` is what the vendor
    reads on its statement."""

    payout_id: UUID
    holder: str
    account: str
    bic: str
    amount: Money
    text: str = ""


def sepa_xml(
    id: UUID, at: datetime, execute_on: date, debtor: Debtor, credits: Sequence[Credit]
) -> str:
    """A pain.001.001.09 document; `id` names the file, so that the bank takes it once.

    Raises Invalid for what a SEPA transfer cannot be: no payouts (`bank_file_empty`), another
    currency than EUR (`bank_file_currency`), an amount, IBAN, BIC or name the bank would refuse
    (`bank_file_amount`, `bank_file_iban`, `bank_file_bic`, `bank_file_name`).
    """
    _must_be_many(credits)
    transfers = "".join(_transfer(index, credit) for index, credit in enumerate(credits))
    holder = _name("debtor.holder", debtor.holder)
    sums = _tag("NbOfTxs", str(len(credits)))
    sums += _tag("CtrlSum", total([credit.amount for credit in credits], "EUR").decimal())
    bank = _bic("debtor.bic", debtor.bic)
    agent = _tag("BICFI", bank) if bank else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    header = (
        _tag("MsgId", id.hex)
        + _tag("CreDtTm", at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        + sums
        + f"<InitgPty>{_tag('Nm', holder)}</InitgPty>"
    )
    payment = (
        _tag("PmtInfId", id.hex)
        + "<PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg>"
        + sums
        + "<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>"
        + f"<ReqdExctnDt>{_tag('Dt', execute_on.isoformat())}</ReqdExctnDt>"
        + f"<Dbtr>{_tag('Nm', holder)}</Dbtr>"
        + f"<DbtrAcct><Id>{_tag('IBAN', _iban('debtor.iban', debtor.iban))}</Id></DbtrAcct>"
        + f"<DbtrAgt><FinInstnId>{agent}</FinInstnId></DbtrAgt>"
        + "<ChrgBr>SLEV</ChrgBr>"
        + transfers
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{PAIN}"><CstmrCdtTrfInitn>'
        f"<GrpHdr>{header}</GrpHdr>\n<PmtInf>{payment}\n</PmtInf>"
        "</CstmrCdtTrfInitn></Document>\n"
    )


def bank_csv(credits: Sequence[Credit]) -> str:
    """One row a payout, for banks that take no XML and currencies other than EUR. Invalid
    (`bank_file_empty`, `bank_file_amount`)."""
    _must_be_many(credits)
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for index, credit in enumerate(credits):
        if credit.amount.minor < 1:
            raise _refused(index, "amount", "A payout is more than nothing.", "amount")
        cells = (credit.holder, credit.account, credit.bic)
        money = (credit.amount.decimal(), credit.amount.currency)
        rows.writerow([str(credit.payout_id), *map(_cell, cells), *money, _cell(credit.text)])
    return out.getvalue()


def latin(text: str) -> str:
    """In the characters that every SEPA bank takes; what has no such spelling becomes a point."""
    found = "".join(_spelled(letter) for letter in unicodedata.normalize("NFC", text))
    found = re.sub(r"//+", "/", re.sub(r" +", " ", _FOREIGN.sub(".", found)))
    return found.strip(" /")


def _spelled(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    lower = letter.lower()
    if lower in _LETTERS:
        return _LETTERS[lower].capitalize()
    parts = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    if plain not in (letter, ""):
        return "".join(map(_spelled, plain))
    # A mark without a letter of its own, of a script we cannot spell, adds nothing.
    return "" if unicodedata.category(letter)[0] in "MC" else letter


def _transfer(index: int, credit: Credit) -> str:
    amount = credit.amount
    if amount.currency != "EUR":
        message = f"A SEPA transfer is in EUR, this payout in {amount.currency}: use the CSV."
        raise _refused(index, "amount.currency", message, "currency")
    if not 1 <= amount.minor <= _SEPA_MAX:
        raise _refused(index, "amount", "A SEPA transfer is 0.01 to 999999999.99 EUR.", "amount")
    path = f"payouts.{index}"
    bank = _bic(f"{path}.bic", credit.bic)
    agent = f"<CdtrAgt><FinInstnId>{_tag('BICFI', bank)}</FinInstnId></CdtrAgt>" if bank else ""
    text = latin(credit.text)[:_TEXT_MAX].strip(" /")
    remittance = f"<RmtInf>{_tag('Ustrd', text)}</RmtInf>" if text else ""
    return (
        f"\n<CdtTrfTxInf><PmtId>{_tag('EndToEndId', credit.payout_id.hex)}</PmtId>"
        f'<Amt><InstdAmt Ccy="EUR">{amount.decimal()}</InstdAmt></Amt>'
        f"{agent}<Cdtr>{_tag('Nm', _name(f'{path}.holder', credit.holder))}</Cdtr>"
        f"<CdtrAcct><Id>{_tag('IBAN', _iban(f'{path}.account', credit.account))}</Id></CdtrAcct>"
        f"{remittance}</CdtTrfTxInf>"
    )


def _must_be_many(credits: Sequence[Credit]) -> None:
    if not credits:
        raise Invalid.at("payouts", "There is nothing to pay out.", "bank_file_empty")
    assert len({credit.payout_id for credit in credits}) == len(credits), "a payout twice"


def _name(path: str, text: str) -> str:
    found = latin(text)[:_NAME_MAX].strip(" /")
    # Points alone are what is left of a script that has no spelling here.
    if not _LETTER.search(found):
        message = "The bank needs the account holder's name in Latin letters."
        raise Invalid.at(path, message, "bank_file_name")
    return found


def _iban(path: str, text: str) -> str:
    compact = ibans.compact(text).upper()
    if not compact.isascii() or not ibans.is_valid(compact):
        raise Invalid.at(path, "That is not an IBAN.", "bank_file_iban")
    return compact


def _bic(path: str, text: str) -> str:
    compact = re.sub(r"\s", "", text).upper()
    if compact and not (compact.isascii() and bics.is_valid(compact)):
        raise Invalid.at(path, "That is not a BIC.", "bank_file_bic")
    return compact


def _refused(index: int, field: str, message: str, code: str) -> Problem:
    return Invalid.at(f"payouts.{index}.{field}", message, f"bank_file_{code}")


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _cell(text: str) -> str:
    """No control characters, and nothing that a spreadsheet would run: vendors write these."""
    plain = "".join(" " if unicodedata.category(one) == "Cc" else one for one in text).strip()
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
