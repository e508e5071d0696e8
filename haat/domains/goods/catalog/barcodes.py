"""Barcodes of trade goods: EAN-8, UPC-A, EAN-13 and GTIN-14, checked and in one form. Pure.

All four are one number with zeros in front: a UPC-A is the EAN-13 with a zero more. The one form
is EAN-8 where a code fits it, EAN-13 where it fits that, else GTIN-14.
"""

import re

from haat.kernel.errors import Invalid

LENGTHS = (8, 12, 13, 14)
_BETWEEN = re.compile(r"[\s\-]+")


def check_digit(digits: str) -> int:
    """The last digit of a code, from those before it: weights 3 and 1 from the right."""
    weighted = (int(d) * (1 if place % 2 else 3) for place, d in enumerate(reversed(digits)))
    return -sum(weighted) % 10


def plain(text: str) -> str | None:
    """The one form of a code, right or wrong; None for what has not the shape of one."""
    digits = _BETWEEN.sub("", text)
    if len(digits) not in LENGTHS or not (digits.isascii() and digits.isdecimal()):
        return None
    full = digits.zfill(14)
    if full.startswith("000000"):
        return full[6:]
    return full[1:] if full.startswith("0") else full


def normalised(text: str, path: str = "barcode") -> str:
    """The one form of a code. Invalid names the digit that would be right."""
    code = plain(text)
    if code is None:
        message = "A barcode has 8, 12, 13 or 14 digits."
        raise Invalid.at(path, message, "barcode_invalid")
    right = check_digit(code[:-1])
    if int(code[-1]) != right:
        message = f"The last digit is {code[-1]}, but {right} would be right: look at the others."
        raise Invalid.at(path, message, "barcode_check_digit")
    return code


def is_right(text: str) -> bool:
    code = plain(text)
    return code is not None and int(code[-1]) == check_digit(code[:-1])
