"""Files for the bank: their structure, their sums, and what a bank could not carry."""

import csv
import io
import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payouts.bankfiles import (
    COLUMNS,
    PAIN,
    Credit,
    Debtor,
    bank_csv,
    latin,
    sepa_xml,
)
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money

FILE = UUID("01939c00-0000-7000-8000-000000000001")
FIRST = UUID("01939c00-0000-7000-8000-0000000000aa")
AT = datetime(2026, 11, 21, 12, 30, 5, 123456, tzinfo=UTC)
ON = date(2026, 11, 23)
DEBTOR = Debtor("Haat Marketplace GmbH", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX")
IBANS = ["FR1420041010050500013M02606", "NL91ABNA0417164300", "GR1601101250000000012300695"]
NS = {"p": PAIN}
ALLOWED = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")


def credit(number: int = 0, **changes: Any) -> Credit:
    values: dict[str, Any] = {
        "payout_id": derive(FIRST, str(number)),
        "holder": "Rahima Weavery",
        "account": IBANS[number % 3],
        "bic": "",
        "amount": Money(minor=100_00 + number, currency="EUR"),
        "text": f"Payout {number}",
    }
    return Credit(**values | changes)


def made(*credits: Credit, debtor: Debtor = DEBTOR) -> str:
    return sepa_xml(FILE, AT, ON, debtor, credits)


def text_at(xml: str, path: str) -> list[str]:
    found = ElementTree.fromstring(xml.encode())
    return [one.text or "" for one in found.iterfind(path, NS)]


def outline(element: ElementTree.Element) -> Any:
    """Names of an element and of what is in it, in order: a schema's sequence."""
    name = element.tag.removeprefix(f"{{{PAIN}}}")
    inner = [outline(one) for one in element]
    return (name, inner) if inner else name


def test_the_structure_is_that_of_the_schema() -> None:
    xml = made(credit(0, bic="PSSTFRPPXXX"), credit(1, text=""))
    account = ("Id", ["IBAN"])
    assert outline(ElementTree.fromstring(xml.encode())) == (
        "Document",
        [
            (
                "CstmrCdtTrfInitn",
                [
                    ("GrpHdr", ["MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", ("InitgPty", ["Nm"])]),
                    (
                        "PmtInf",
                        [
                            *["PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum"],
                            ("PmtTpInf", [("SvcLvl", ["Cd"])]),
                            ("ReqdExctnDt", ["Dt"]),
                            ("Dbtr", ["Nm"]),
                            ("DbtrAcct", [account]),
                            ("DbtrAgt", [("FinInstnId", ["BICFI"])]),
                            "ChrgBr",
                            (
                                "CdtTrfTxInf",
                                [
                                    ("PmtId", ["EndToEndId"]),
                                    ("Amt", ["InstdAmt"]),
                                    ("CdtrAgt", [("FinInstnId", ["BICFI"])]),
                                    ("Cdtr", ["Nm"]),
                                    ("CdtrAcct", [account]),
                                    ("RmtInf", ["Ustrd"]),
                                ],
                            ),
                            (
                                "CdtTrfTxInf",
                                [
                                    ("PmtId", ["EndToEndId"]),
                                    ("Amt", ["InstdAmt"]),
                                    ("Cdtr", ["Nm"]),
                                    ("CdtrAcct", [account]),
                                ],
                            ),
                        ],
                    ),
                ],
            )
        ],
    )


def test_the_values() -> None:
    xml = made(credit(0), credit(1), credit(2))
    assert text_at(xml, ".//p:NbOfTxs") == ["3", "3"]
    assert text_at(xml, ".//p:CtrlSum") == ["300.03", "300.03"]
    assert text_at(xml, ".//p:MsgId") == [FILE.hex]
    assert text_at(xml, ".//p:CreDtTm") == ["2026-11-21T12:30:05Z"]
    assert text_at(xml, ".//p:ReqdExctnDt/p:Dt") == ["2026-11-23"]
    assert text_at(xml, ".//p:EndToEndId") == [derive(FIRST, str(n)).hex for n in range(3)]
    assert text_at(xml, ".//p:InstdAmt") == ["100.00", "100.01", "100.02"]
    assert text_at(xml, ".//p:CdtrAcct/p:Id/p:IBAN") == IBANS
    assert text_at(xml, ".//p:DbtrAcct/p:Id/p:IBAN") == ["DE89370400440532013000"]
    assert text_at(xml, ".//p:Ustrd") == ["Payout 0", "Payout 1", "Payout 2"]
    assert all(len(one) <= 35 for one in text_at(xml, ".//p:EndToEndId"))


def test_long_names_and_texts_are_cut() -> None:
    xml = made(credit(holder="a" * 69 + " b", text="c" * 139 + "/d"))
    assert text_at(xml, ".//p:Cdtr/p:Nm") == ["a" * 69]
    assert text_at(xml, ".//p:Ustrd") == ["c" * 139]


def test_the_same_input_makes_the_same_text() -> None:
    assert made(credit(0), credit(1)) == made(credit(0), credit(1))
    assert bank_csv([credit(0)]) == bank_csv([credit(0)])


def test_without_a_bic_the_bank_is_not_named() -> None:
    xml = made(credit(), debtor=Debtor("Haat", DEBTOR.iban))
    assert text_at(xml, ".//p:DbtrAgt//p:Id") == ["NOTPROVIDED"]
    assert text_at(xml, ".//p:BICFI") == []


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"amount": Money(minor=1, currency="USD")}, "amount.currency", "bank_file_currency"),
        ({"amount": Money(minor=0, currency="EUR")}, "amount", "bank_file_amount"),
        ({"amount": Money(minor=-5, currency="EUR")}, "amount", "bank_file_amount"),
        ({"amount": Money(minor=10**11, currency="EUR")}, "amount", "bank_file_amount"),
        ({"account": "FR1420041010050500013M02607"}, "account", "bank_file_iban"),
        ({"account": "0532013000"}, "account", "bank_file_iban"),
        ({"account": "DE8937040044053201300"}, "account", "bank_file_iban"),
        ({"account": "ＤＥ89370400440532013000"}, "account", "bank_file_iban"),
        ({"bic": "COBA"}, "bic", "bank_file_bic"),
        ({"holder": "রহিমা তাঁতঘর"}, "holder", "bank_file_name"),
        ({"holder": " / "}, "holder", "bank_file_name"),
    ],
)
def test_what_a_bank_would_refuse(changes: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        made(credit(0), credit(1, **changes))
    (field,) = refused.value.fields
    assert (field.path, field.code, refused.value.code) == (f"payouts.1.{path}", code, code)


def test_our_own_account_is_checked_too() -> None:
    with pytest.raises(Invalid) as refused:
        made(credit(), debtor=Debtor("Haat", "DE00370400440532013000"))
    assert refused.value.fields[0].path == "debtor.iban"


def test_an_empty_file_is_none() -> None:
    with pytest.raises(Invalid) as refused:
        made()
    assert refused.value.code == "bank_file_empty"
    with pytest.raises(Invalid):
        bank_csv([])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller & Söhne", "Muller + Sohne"),
        ("Straße", "Strasse"),
        ("Łukasz Żółć", "Lukasz Zolc"),
        ("Ærø Ønsker", "AEro Onsker"),
        ("O’Brien", "O'Brien"),
        ("Γιώργος Παπαδόπουλος", "Giorgos Papadopoylos"),
        ("Юлия Щербакова", "Yuliya Shterbakova"),
        ("//x//y//", "x/y"),
        ("a\tb\nc  d", "a b c d"),
        ("ﬁrst №5", "first No5"),
        ("<b>&amp;", ".b.+amp,"),
        ("", ""),
    ],
)
def test_spelling(text: str, expected: str) -> None:
    assert latin(text) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_makes_a_file_or_a_clear_no(holder: str, text: str) -> None:
    if not re.search(r"[A-Za-z0-9]", latin(holder)[:70]):
        with pytest.raises(Invalid):
            made(credit(holder=holder, text=text))
        return
    xml = made(credit(holder=holder, text=text))
    (name,) = text_at(xml, ".//p:Cdtr/p:Nm")
    for found, most in ((name, 70), *((one, 140) for one in text_at(xml, ".//p:Ustrd"))):
        assert ALLOWED.fullmatch(found)
        assert 0 < len(found) <= most
        assert not found.startswith("/")
        assert "//" not in found


@given(st.lists(st.integers(min_value=1, max_value=10**10), min_size=1, max_size=30))
def test_the_sum_is_the_sum(minors: list[int]) -> None:
    amounts = [Money(minor=minor, currency="EUR") for minor in minors]
    xml = made(*(credit(number, amount=one) for number, one in enumerate(amounts)))
    whole = Money(minor=sum(minors), currency="EUR").decimal()
    assert text_at(xml, ".//p:CtrlSum") == [whole, whole]


def test_the_csv() -> None:
    rows = list(
        csv.reader(
            io.StringIO(
                bank_csv(
                    [
                        credit(0, holder='Rahima, "Weavery"', bic="PSSTFRPPXXX"),
                        credit(1, amount=Money(minor=1500, currency="JPY"), account="0001-234567"),
                        credit(2, holder="=cmd|' /C calc'!A0", text="a\r\nb"),
                    ]
                )
            )
        )
    )
    assert tuple(rows[0]) == COLUMNS
    ids = [str(derive(FIRST, str(number))) for number in range(3)]
    assert rows[1:] == [
        [ids[0], 'Rahima, "Weavery"', IBANS[0], "PSSTFRPPXXX", "100.00", "EUR", "Payout 0"],
        [ids[1], "Rahima Weavery", "0001-234567", "", "1500", "JPY", "Payout 1"],
        [ids[2], "'=cmd|' /C calc'!A0", IBANS[2], "", "100.02", "EUR", "a  b"],
    ]


def test_the_csv_pays_nobody_nothing() -> None:
    with pytest.raises(Invalid) as refused:
        bank_csv([credit(0, amount=Money(minor=0, currency="EUR"))])
    assert refused.value.code == "bank_file_amount"
