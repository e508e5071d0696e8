"""Reading bank statements and reports: what each format says, what is wrong, hostile files."""

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.reconciliation.api import FileUnreadable
from haat.domains.money.reconciliation.reading import StatementLine, lines, read_statement, sheets
from haat.domains.money.reconciliation.reading import camt as camt_format
from haat.kernel.money import Money

GIVEN = os.environ.get("HAAT_TEST_DATA")
DATA = Path(GIVEN or ".")
needs_data = pytest.mark.skipif(not GIVEN, reason="HAAT_TEST_DATA names no folder of real data")
PAYOUT = UUID("01939c00-0000-7000-8000-000000000001")


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def refused(content: bytes, format: str = "auto") -> tuple[int, str]:
    """Line and why."""
    with pytest.raises(FileUnreadable) as found:
        read_statement(content, format)  # type: ignore[arg-type]
    (field,) = found.value.fields
    assert (field.path, found.value.code) == ("content", "statement_unreadable")
    return found.value.data["line"], found.value.data["why"]


def brief(lines: list[StatementLine]) -> list[tuple[str, int, str, str | None]]:
    return [(one.kind, one.amount.minor, one.text, one.provider_ref) for one in lines]


# -- CAMT.053 --------------------------------------------------------------------------------------


def entry(
    amount: str = "250.00",
    mark: str = "CRDT",
    inner: str = "",
    *,
    status: str = "<Sts>BOOK</Sts>",
    ref: str = "2026112100001",
    booked: str = "<BookgDt><Dt>2026-11-21</Dt></BookgDt>",
) -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>{status}{booked}'
        f"<AcctSvcrRef>{ref}</AcctSvcrRef>{inner}</Ntry>\n"
    )


def details(inner: str) -> str:
    return f"<NtryDtls><TxDtls>{inner}</TxDtls></NtryDtls>"


def camt(*entries: str, version: str = "02", iban: str = "DE89370400440532013000") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>1</Id>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        f"{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


@pytest.mark.parametrize("version", ["02", "03", "04", "05", "06", "07", "08"])
def test_camt_of_every_version(version: str) -> None:
    status = "<Sts>BOOK</Sts>" if version < "06" else "<Sts><Cd>BOOK</Cd></Sts>"
    inner = details(
        f"<Refs><EndToEndId>{PAYOUT.hex}</EndToEndId></Refs>"
        "<RmtInf><Ustrd>Order HAAT-7Q2K</Ustrd><Ustrd>thanks</Ustrd></RmtInf>"
    )
    (line,) = read_statement(camt(entry("12.50", "DBIT", inner, status=status), version=version))
    assert (line.kind, line.amount, line.at) == ("debit", eur(-12_50), day(21))
    assert (line.end_to_end_id, line.our_id) == (PAYOUT.hex, PAYOUT)
    assert (line.text, line.provider_ref) == ("Order HAAT-7Q2K thanks", "2026112100001")
    assert (line.reversal, line.line, line.fee) == (False, 3, eur(0))


@pytest.mark.parametrize("version", ["01", "09", "2", "xx"])
def test_other_versions_are_refused(version: str) -> None:
    assert refused(camt(entry(), version=version)) == (
        2,
        "this is not camt.053.001.02 to camt.053.001.08",
    )
    assert refused(b"<html><body>Session expired</body></html>")[0] == 1


def test_a_batch_is_split_where_its_parts_add_up() -> None:
    def part(amount: str, id: str) -> str:
        money = f'<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>'
        return f"<TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs>{money}</TxDtls>"

    both = f"<NtryDtls>{part('100.00', 'A')}{part('150.00', 'B')}</NtryDtls>"
    lines = read_statement(camt(entry("250.00", "DBIT", both)))
    assert [(one.amount, one.end_to_end_id) for one in lines] == [
        (eur(-100_00), "A"),
        (eur(-150_00), "B"),
    ]
    assert len({one.id for one in lines}) == 2
    (whole,) = read_statement(camt(entry("249.00", "DBIT", both)))
    assert (whole.amount, whole.end_to_end_id) == (eur(-249_00), "")


def test_a_part_may_go_the_other_way() -> None:
    parts = (
        '<TxDtls><Amt Ccy="EUR">300.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls>'
        '<TxDtls><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls>'
    )
    lines = read_statement(camt(entry("250.00", "CRDT", f"<NtryDtls>{parts}</NtryDtls>")))
    assert [one.amount for one in lines] == [eur(300_00), eur(-50_00)]


def test_a_reversal_moves_money_where_its_mark_says() -> None:
    (line,) = read_statement(camt(entry("5.00", "DBIT", "<RvslInd>true</RvslInd>")))
    assert (line.amount, line.reversal) == (eur(-5_00), True)


def test_only_what_is_booked_counts() -> None:
    pending = entry(status="<Sts><Cd>PDNG</Cd></Sts>")
    assert read_statement(camt(pending, entry(status="<Sts>INFO</Sts>"))) == []


@pytest.mark.parametrize(
    ("booked", "at"),
    [
        ("<BookgDt><Dt>2026-11-21+01:00</Dt></BookgDt>", day(21)),
        ("<ValDt><Dt>2026-11-20</Dt></ValDt>", day(20)),
        (
            "<BookgDt><DtTm>2026-11-21T10:00:00+02:00</DtTm></BookgDt>",
            datetime(2026, 11, 21, 8, tzinfo=UTC),
        ),
        (
            "<BookgDt><DtTm>2026-11-21T10:00:00</DtTm></BookgDt>",
            datetime(2026, 11, 21, 10, tzinfo=UTC),
        ),
    ],
)
def test_when_it_was_booked(booked: str, at: datetime) -> None:
    (line,) = read_statement(camt(entry(booked=booked)))
    assert line.at == at


def test_where_no_reference_is_there_is_none() -> None:
    inner = details("<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>")
    text = "<AddtlNtryInf>Interest</AddtlNtryInf>"
    (line,) = read_statement(camt(entry(inner=inner + text, ref="NONREF")))
    assert (line.end_to_end_id, line.provider_ref, line.text) == ("", None, "Interest")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("250.00", "250,00"), "“250,00” is no amount in EUR"),
        (("250.00", "1e3"), "“1e3” is no amount in EUR"),
        (("250.00", "2.505"), "“2.505” is no amount in EUR"),
        (('Ccy="EUR"', ""), "“” is no currency"),
        (("CRDT", "CR"), "“CR” is neither CRDT nor DBIT"),
        (("2026-11-21", "yesterday"), "the entry has no day of booking"),
        (("<Amt", "<Amount"), "this is not well-formed XML"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(change: tuple[str, str], why: str) -> None:
    good = entry(ref="A")
    assert refused(camt(good, entry(ref="B").replace(*change))) == (4, why)


def test_an_entry_without_an_amount() -> None:
    torn = entry().replace('<Amt Ccy="EUR">250.00</Amt>', "")
    assert refused(camt(torn)) == (3, "the entry has no amount")


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><Document>&lol9;</Document>"
)
NESTED = camt(entry(inner="<A>" * 100 + "</A>" * 100))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS, "it has a DTD or entities, which no statement needs"),
        (
            b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
            "it has a DTD or entities, which no statement needs",
        ),
        (NESTED, "elements are nested too deeply"),
        (b"<a" * 100_000, "this is not well-formed XML"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", None),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", None),
        (camt(entry()).decode().encode("utf-16")[:-7], None),
        (camt(entry())[:-40], "this is not well-formed XML"),
        (camt(entry()).replace(b"250.00", b"25\x000.00"), "this is not well-formed XML"),
        (camt(entry()).replace(b"2026112100001", b"\xff\xfe"), "this is not well-formed XML"),
        (camt(entry(inner="<B/>" * 30_000)), "one entry holds too much"),
    ],
)
def test_hostile_xml(content: bytes, why: str | None) -> None:
    line, said = refused(content)
    assert line >= 1
    assert why is None or said == why


def test_utf_16_is_read_too() -> None:
    xml = camt(entry()).decode().replace("UTF-8", "UTF-16")
    assert len(read_statement(xml.encode("utf-16"))) == 1


# -- MT940 -----------------------------------------------------------------------------------------

MT940 = """{1:F01COBADEFFXXXX0000000000}{2:I940}{4:
:20:STARTUMS
:25:37040044/0532013000
:28C:1/1
:60F:C261120EUR1000,00
:61:2611211121CR250,00NTRFNONREF//2611211234567890
:86:166?00GUTSCHRIFT?109249?20EREF+ABC-1234?21SVWZ+Order HAAT-7Q2K?22 thanks?32MUSTER GMBH
:61:2611211121D12,5NTRFNONREF
:86:/EREF/01939c00000070008000000000000001/REMI/USTD//Payout/
:61:2611211121RC5,00NRTINONREF//ABC
:86:plain text
- a remark
:62F:C261121EUR1232,50
-}
"""


def test_mt940() -> None:
    lines = read_statement(MT940.encode())
    assert [(one.kind, one.amount, one.reversal, one.line) for one in lines] == [
        ("credit", eur(250_00), False, 6),
        ("debit", eur(-12_50), False, 8),
        ("debit", eur(-5_00), True, 10),
    ]
    assert {one.at for one in lines} == {day(21)}
    assert [one.end_to_end_id for one in lines] == ["ABC-1234", PAYOUT.hex, ""]
    assert [one.our_id for one in lines] == [None, PAYOUT, None]
    assert [one.provider_ref for one in lines] == ["2611211234567890", None, "ABC"]
    assert lines[0].text == "Order HAAT-7Q2K thanks"
    assert lines[2].text == "plain text - a remark"


def test_several_statements_in_one_file() -> None:
    second = MT940.replace("STARTUMS", "TWO").replace("0532013000", "0532013001")
    lines = read_statement((MT940 + second).encode())
    assert len(lines) == 6
    assert len({one.id for one in lines}) == 6
    assert [one.line for one in lines] == [6, 8, 10, 20, 22, 24]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("CR250,00N", "CRabcN"), 6),
        (("2611211121D12", "2613411121D12"), 8),
        (("D12,5N", "D1,2,5N"), 8),
        (("C261120EUR", "C261120"), 6),
        (("D12,5N", "D12,555N"), 8),
        (("EUR1232,50", "EUR1232,51"), 13),
        (("EUR1232,50", "USD1232,50"), 13),
        ((":20:STARTUMS\n", ""), 2),
        (("- a remark", "more\n" * 101), 111),
    ],
)
def test_a_wrong_mt940_is_named_with_its_line(change: tuple[str, str], line: int) -> None:
    assert refused(MT940.replace(*change).encode())[0] == line


def test_a_statement_that_cannot_be_read_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    secret = "Rent of Rahima Begum"
    content = MT940.replace(":61:2611211121CR250,00NTRF", f":61:{secret}\n:61:")
    refused(content.encode())
    assert secret not in caplog.text


def test_a_file_name_is_not_opened(tmp_path: Path) -> None:
    other = tmp_path / "statement.sta"
    other.write_text(MT940)
    for format in ("auto", "mt940", "csv", "camt.053"):
        refused(str(other).encode(), format)


# -- CSV -------------------------------------------------------------------------------------------

GERMAN = """Kontonummer:;DE89 3704 0044 0532 0130 00
Zeitraum:;01.11.2026 - 21.11.2026

Buchungstag;Valutadatum;Auftraggeber;Verwendungszweck;Betrag (EUR);Währung;Ende-zu-Ende-Referenz
21.11.2026;21.11.2026;Muster GmbH;"Order HAAT-7Q2K; danke";1.250,00;EUR;NOTPROVIDED
20.11.2026;20.11.2026;Weavery;Payout;-12,50;EUR;01939c00000070008000000000000001
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_german_csv(encoding: str) -> None:
    lines = read_statement(GERMAN.encode(encoding))
    assert brief(lines) == [
        ("credit", 1250_00, "Order HAAT-7Q2K; danke", None),
        ("debit", -12_50, "Payout", None),
    ]
    assert [one.at for one in lines] == [day(21), day(20)]
    assert [one.our_id for one in lines] == [None, PAYOUT]
    assert [one.line for one in lines] == [5, 6]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Date,Description,Amount,Currency,Transaction ID\n"
            '2026-11-21,"Order, paid","1,250.00",USD,TX1\n',
            [("credit", 1250_00, "Order, paid", "TX1")],
        ),
        (
            "Date\tPaid in\tPaid out\tDetails\n21/11/2026\t10.00\t\tin\n03/11/2026\t\t4.50\tout\n",
            [("credit", 10_00, "in", None), ("debit", -4_50, "out", None)],
        ),
        (
            "Boekdatum;Bedrag;Af Bij;Omschrijving\n2026-11-21;12,50;Af;uit\n2026-11-21;3;Bij;in\n",
            [("debit", -12_50, "uit", None), ("credit", 3_00, "in", None)],
        ),
        ("date|amount|text\n2026-11-21 10:11:12|12.50-|x\n", [("debit", -12_50, "x", None)]),
        ("date,amount\n11/21/2026,(12.50)\n", [("debit", -12_50, "", None)]),
        ("date;amount\n21.11.26;€ 1 250,00\n", [("credit", 1250_00, "", None)]),
        ("date;amount\n21.11.2026;\u2212\u00a012'345,67\n", [("debit", -12345_67, "", None)]),
        ("date;amount;amount eur\n2026-11-21;;5\n\n;;\n", [("credit", 5_00, "", None)]),
        ("date;debit\n2026-11-21;-5,00\n", [("debit", -5_00, "", None)]),
    ],
)
def test_other_csvs(text: str, expected: list[tuple[str, int, str, str | None]]) -> None:
    assert brief(read_statement(text.encode())) == expected


def test_the_currency_of_a_csv_that_names_none() -> None:
    (line,) = read_statement(b"date,amount\n2026-11-21,1500\n", currency="JPY")
    assert line.amount == Money(minor=1500, currency="JPY")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a,b\n1,2\n", 1, "no line names the columns"),
        ("date,amount\n2026-11-21,12\n,13\n", 3, "“” is no date"),
        ("date,amount\n2026-11-21\n", 2, "there is no amount"),
        ("date,amount\n2026-11-31,12\n", 2, "“2026-11-31” is no date"),
        ("date,amount\n2026-11-21,twelve\n", 2, "“twelve” is no amount"),
        ("date,amount\n2026-11-21,--1\n", 2, "“--1” is no amount"),
        ("date,amount\n2026-11-21,1.255\n2026-11-21,2.50\n", 2, "“1.255” is no amount in EUR"),
        ("date;amount\n2026-11-21;1.234\n", 2, "“1.234” may be thousands or decimals"),
        ("date;amount\n2026-11-21;1,50\n2026-11-21;1.50\n", 3, "decimal comma and point are mixed"),
        ("date,amount\n03/04/2026,1\n", 1, "may be day or month first"),
        ("date,amount\n21/11/2026,1\n11/21/2026,1\n", 3, "“11/21/2026” is no date"),
        ("date,amount,currency\n2026-11-21,1,euros\n", 2, "“EUROS” is no currency"),
        ("date,amount\n2026-11-21,12\n2026-11-21,\"13\n", 3, "quotes or separators"),
        ("date,amount,debit credit\n2026-11-21,12,?\n", 2, "is neither credit nor debit"),
        ("date,amount\n2026-11-21," + "9" * 25 + "\n", 2, "is no amount"),
        ("date,amount\n2026-11-21,1\n" + "x" * 20_001, 3, "longer than 20000 characters"),
        ("date,amount\n2026-11-21,1\0\n", 2, "NUL"),
        ("date,amount" + "," * 300, 1, "no line names the columns"),
        ("date,amount\n2026-11-21,1" + "," * 300, 2, "more than 200 columns"),
    ],
)  # fmt: skip
def test_a_wrong_csv_is_named_with_its_line(text: str, line: int, why: str) -> None:
    found, said = refused(text.encode())
    assert (found, why in said) == (line, True), said


REPORT = "id,kind,provider_ref,our_id,amount,fee,currency,at,text\n"


def test_a_providers_report() -> None:
    rows = (
        f"L1,capture,pi_1,{PAYOUT},12.34,0.55,EUR,2026-11-21T12:00:00Z,Order 1001\n"
        "L2,refund,,,-3.00,,EUR,2026-11-21T13:00:00+02:00,\n"
        "L3,fee,,,-1.00,0,EUR,2026-11-21T12:00:00Z,monthly\n"
    )
    lines = read_statement((REPORT + rows).encode())
    assert [(one.id, one.kind, one.amount, one.fee) for one in lines] == [
        ("L1", "capture", eur(12_34), eur(55)),
        ("L2", "refund", eur(-3_00), eur(0)),
        ("L3", "fee", eur(-1_00), eur(0)),
    ]
    assert (lines[0].our_id, lines[0].provider_ref, lines[0].text) == (PAYOUT, "pi_1", "Order 1001")
    assert lines[1].at == datetime(2026, 11, 21, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("L1,capture,,,1.00,0,EUR,2026-11-21T12:00:00Z", "it has 8 columns, the header 9"),
        ("L0,capture,,,1.00,0,EUR,2026-11-21T12:00:00Z,", "is no id, or line 2 has it"),
        (",capture,,,1.00,0,EUR,2026-11-21T12:00:00Z,", "is no id"),
        ("L1,sale,,,1.00,0,EUR,2026-11-21T12:00:00Z,", "is no kind of movement"),
        ("L1,credit,,,1.00,0,EUR,2026-11-21T12:00:00Z,", "is no kind of movement"),
        ('L1,capture,,,"1,00",0,EUR,2026-11-21T12:00:00Z,', "is no amount in EUR"),
        ("L1,capture,,,1.00,x,EUR,2026-11-21T12:00:00Z,", "is no amount in EUR"),
        ("L1,capture,,,1.00,0,EU,2026-11-21T12:00:00Z,", "is no currency"),
        ("L1,capture,,17,1.00,0,EUR,2026-11-21T12:00:00Z,", "is none of our ids"),
        ("L1,capture,,,1.00,0,EUR,2026-11-21T12:00:00,", "is no time with its zone"),
    ],
)
def test_a_wrong_report_is_named_with_its_line(row: str, why: str) -> None:
    good = "L0,capture,,,1.00,0,EUR,2026-11-21T12:00:00Z,\n"
    line, said = refused((REPORT + good + row).encode())
    assert (line, why in said) == (3, True), said


# -- ids -------------------------------------------------------------------------------------------


def test_ids_stay_the_same_in_a_longer_file() -> None:
    row = "2026-11-21,5.00,coffee\n"
    one, two = (
        read_statement(f"date,amount,text\n2026-11-2{first},1.00,x\n{row * 2}".encode())
        for first in (0, 1)
    )
    assert [line.id for line in one[1:]] == [line.id for line in two[1:]]
    assert one[0].id != two[0].id
    assert len({line.id for line in one}) == 3  # two equal lines are two


def test_with_the_banks_reference_the_text_does_not_matter() -> None:
    first, second = (
        read_statement(camt(entry(inner=f"<AddtlNtryInf>{text}</AddtlNtryInf>")))[0].id
        for text in ("Interest", "INTEREST  2026")
    )
    other = read_statement(camt(entry(), iban="FR1420041010050500013M02606"))[0].id
    assert first == second != other


# -- anything else ---------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b" \n\t", b"\x00" * 500, b"\xef\xbb\xbf"])
def test_nothing(content: bytes) -> None:
    refused(content)


def test_too_large() -> None:
    assert refused(b"x" * 20_000_001) == (0, "it is larger than 20 MB")


def test_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    row, some = "2026-11-21,5.00,coffee\n", "there are more than 10 lines"
    for module in (lines, camt_format, sheets):
        monkeypatch.setattr(module, "LINES_MAX", 10)
    head = "date,amount,text\n"
    assert len(read_statement((head + row * 10).encode())) == 10
    assert refused((head + row * 11).encode()) == (12, some)
    assert len(read_statement(camt(*[entry()] * 10))) == 10
    assert refused(camt(*[entry()] * 11)) == (13, some)
    report = "".join(f"L{n},fee,,,1,,EUR,2026-11-21T12:00:00Z,\n" for n in range(11))
    assert refused((REPORT + report).encode()) == (12, some)
    many = b":61:2611211121CR1,00NTRF\n" * 200_001
    assert refused(b":20:A\n" + many) == (200_002, "there is too much of it")


def test_nothing_takes_more_than_its_share_of_time() -> None:
    """Twice as much takes about twice as long: four times would show a square."""

    def seconds(content: bytes) -> float:
        began = time.process_time()
        with suppress(FileUnreadable):
            read_statement(content)
        return time.process_time() - began

    head = b":20:A\n:25:1/2\n:60F:C261120EUR0,00\n:61:2611211121CR1,00NTRF\n:86:"
    shapes = (
        lambda n: b"date,amount,text\n" + b"2026-11-21,5.00,coffee\n" * n,
        lambda n: camt(*[entry()] * n),
        lambda n: head + b"x\n:61:2611211121CR1,00NTRF\n:86:y\n" * n,
        lambda n: head + b":86:x\n" * n * 10,
        lambda n: head * n,
        lambda n: b"<a>" * n * 10,
        lambda n: b'"' * n * 10,
        lambda n: b"date,amount\n" + b"\n," * n * 10,
    )
    for shape in shapes:
        assert seconds(shape(8_000)) < 6 * seconds(shape(2_000)) + 1


SEEDS = [MT940.encode(), GERMAN.encode(), camt(entry()), REPORT.encode() + b"L1,fee,,,1,,EUR,x,\n"]


@given(st.binary(max_size=2_000), st.sampled_from(["auto", "csv", "camt.053", "mt940"]))
def test_any_bytes_are_read_or_refused(content: bytes, format: str) -> None:
    _read_or_refuse(content, format)


@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 30), st.binary(max_size=12)), max_size=4
    ),
    st.sampled_from(["auto", "csv", "camt.053", "mt940"]),
)
def test_any_torn_file_is_read_or_refused(
    seed: bytes, cuts: list[tuple[int, int, bytes]], format: str
) -> None:
    for at, length, put in cuts:
        seed = seed[:at] + put + seed[at + length :]
    _read_or_refuse(seed, format)


@given(st.text(max_size=400))
def test_any_text_around_a_statement(text: str) -> None:
    for content in (f"{text}\n{GERMAN}", f"{MT940}{text}", f"{GERMAN}{text}"):
        _read_or_refuse(content.encode("utf-8", "surrogatepass"), "auto")


def _read_or_refuse(content: bytes, format: str) -> None:
    error, lines = None, []
    try:
        lines = read_statement(content, format)  # type: ignore[arg-type]
    except FileUnreadable as found:
        error = found
    if error is not None:
        assert error.data["line"] >= 0
        assert len(error.detail) < 300
        json.dumps(error.document())
    assert len({line.id for line in lines}) == len(lines)
    assert all(line.at.tzinfo is UTC and line.text.isprintable() for line in lines)


@needs_data
def test_strange_csvs() -> None:
    files = sorted((DATA / "csv-spectrum").rglob("*.csv"))
    assert files
    for file in files:
        refused(file.read_bytes())


@needs_data
def test_naughty_strings() -> None:
    strings = [one for one in json.loads((DATA / "hostile" / "blns.json").read_text()) if one]
    assert len(strings) > 400
    for text in strings:
        raw = text.encode("utf-8", "surrogatepass")
        for format in ("auto", "csv", "camt.053", "mt940"):
            _read_or_refuse(raw, format)
        cell = text.replace('"', '""')
        content = f'date,amount,text\n2026-11-21,5.00,"{cell}"\n'.encode("utf-8", "surrogatepass")
        _read_or_refuse(content, "auto")
