"""What an address and a telephone number may be."""

import unicodedata
from collections.abc import Mapping
from datetime import date

from haat.domains.people.profiles.api import Address, BornWrong, Label
from haat.domains.people.profiles.countries import as_written
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.text import is_plain_line

ADDRESSES_MAX = 50
PHONE_MAX_CHARS = 40
_PHONE = frozenset("0123456789+-()./ x#*,;ext")
BORN_FROM = date(1900, 1, 1)
# What a person is asked, by purpose: the version and the words of the box they tick.
ASKED: Mapping[str, tuple[str, str]] = {
    "marketing": ("2026-11", "Send me news and offers by mail. I can stop them at any time."),
}
_NEEDED = ("name", "line1", "city")


def clean_address(address: Address) -> Address:
    """The address with every line plain (no controls, no runs of spaces) and as its country writes
    it. Raises Invalid.

    Labels and customs forms are printed from it, so a line break in it would make another line.
    """
    lines = {
        name: _line(value)
        for name, value in address.model_dump(by_alias=False, exclude={"country"}).items()
    }
    plain = address.model_copy(update=lines)
    written, wrong = as_written(plain)
    empty = [name for name in _NEEDED if not lines[name]]
    broken = [name for name, value in lines.items() if not is_plain_line(value)]
    if empty or broken or wrong:
        fields = [
            FieldError(path=_path(name), code="line_missing", message="This must not be empty.")
            for name in empty
        ] + [
            FieldError(path=_path(name), code="line_invalid", message="Use plain characters.")
            for name in broken
        ]
        fields += [one for one in wrong if one.path not in {field.path for field in fields}]
        raise Invalid("The address is not valid.", code="address_invalid", fields=fields)
    return Address.model_validate(dict(written))  # its texts know that they are personal


def clean_phone(text: str) -> str:
    """A telephone number as people write them, "" for none. Raises Invalid."""
    phone = _line(text)
    if len(phone) > PHONE_MAX_CHARS or set(phone.lower()) - _PHONE:
        raise Invalid.at("phone", "This is not a telephone number.", "phone_invalid")
    if phone and not any(c.isdigit() for c in phone):
        raise Invalid.at("phone", "This is not a telephone number.", "phone_invalid")
    return phone


def clean_label(text: Label) -> str:
    """What somebody calls an address, "" for nothing. Raises Invalid."""
    label = _line(text)
    if not is_plain_line(label):
        raise Invalid.at("label", "Use plain characters.", "line_invalid")
    return label


def check_birth(born_on: date, today: date) -> None:
    """Raises BornWrong."""
    if not BORN_FROM <= born_on <= today:
        raise BornWrong.at("bornOn", BornWrong().detail, "birth_date_invalid")


def _line(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _path(name: str) -> str:
    return "postalCode" if name == "postal_code" else name
