"""Barcodes: their check digits, and one form for all spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog import barcodes
from haat.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4006381333931", "4006381333931"),  # the EAN-13 of every textbook
        ("40 0638-1333931", "4006381333931"),
        ("036000291452", "0036000291452"),  # UPC-A
        ("0036000291452", "0036000291452"),
        ("00036000291452", "0036000291452"),
        ("73513537", "73513537"),  # EAN-8
        ("0000073513537", "73513537"),
        ("10012345678902", "10012345678902"),  # GTIN-14
        ("04006381333931", "4006381333931"),
    ],
)
def test_one_form(text: str, code: str) -> None:
    assert barcodes.normalised(text) == code


@pytest.mark.parametrize(
    ("text", "right"), [("4006381333930", "1"), ("73513530", "7"), ("036000291450", "2")]
)
def test_the_right_digit_is_named(text: str, right: str) -> None:
    with pytest.raises(Invalid) as told:
        barcodes.normalised(text, "variants.0.barcode")
    [field] = told.value.fields
    assert (field.path, field.code) == ("variants.0.barcode", "barcode_check_digit")
    assert f"but {right} would be right" in field.message


@pytest.mark.parametrize("text", ["", "1", "1234567", "123456789", "4006381333931x", "٤٠٠٦٣٨١٣",
                                  "1" * 15, "ISBN"])  # fmt: skip
def test_what_is_no_barcode(text: str) -> None:
    with pytest.raises(Invalid) as told:
        barcodes.normalised(text)
    assert told.value.fields[0].code == "barcode_invalid"


@given(st.sampled_from([7, 11, 12, 13]).flatmap(
    lambda n: st.text("0123456789", min_size=n, max_size=n)), st.integers(0, 9))  # fmt: skip
def test_every_code_has_one_right_digit(digits: str, wrong: int) -> None:
    right = barcodes.check_digit(digits)
    code = barcodes.normalised(f"{digits}{right}")
    assert barcodes.normalised(code) == code
    assert barcodes.normalised(f"{digits}{right}".zfill(14)) == code
    if wrong != right:
        with pytest.raises(Invalid) as told:
            barcodes.normalised(f"{digits}{wrong}")
        assert f"but {right} would be right" in told.value.fields[0].message


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(digits: str, place: int, more: int) -> None:
    code = f"{digits}{barcodes.check_digit(digits)}"
    other = (int(code[place]) + more) % 10
    assert not barcodes.is_right(f"{code[:place]}{other}{code[place + 1 :]}")
