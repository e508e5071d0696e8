from datetime import datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.people.identity.api import (
    CustomRole,
    EmailInvalid,
    Membership,
    PasswordWeak,
    Person,
    StaffRole,
    VendorRole,
)
from haat.domains.people.identity.rules import (
    attempt_key,
    chosen,
    client_label,
    instant,
    normal_email,
    person_name,
    scopes_of,
    strong_password,
)
from haat.kernel.errors import Invalid, NotFound, Problem
from tests.domains.people.doubles import NOON

VENDOR_ALL = set(
    "products products:view stock orders analytics team profile money keys webhooks".split()
)


@pytest.mark.parametrize(
    ("role", "staff", "scopes"),
    [
        (None, [], set()),
        ("owner", [], {f"vendor:{name}" for name in VENDOR_ALL}),
        (
            "admin",
            [],
            {
                f"vendor:{n}"
                for n in "products products:view stock orders analytics team webhooks".split()
            },
        ),
        (
            "manager",
            [],
            {
                f"vendor:{n}"
                for n in "products products:view stock orders analytics webhooks".split()
            },
        ),
        ("staff", [], {"vendor:products:view", "vendor:orders"}),
        (
            None,
            ["super_admin"],
            {"staff"}
            | {
                f"staff:{n}"
                for n in "vendors products orders payouts money ledger settings people"
                " audit".split()
            },
        ),
        (None, ["moderator"], {"staff", "staff:vendors", "staff:products"}),
        (None, ["support"], {"staff", "staff:orders"}),
        (
            None,
            ["finance"],
            {"staff", *(f"staff:{n}" for n in "orders payouts money ledger".split())},
        ),
        (
            "staff",
            ["support", "moderator"],
            {
                *("vendor:products:view", "vendor:orders"),
                *("staff", "staff:orders", "staff:vendors", "staff:products"),
            },
        ),
    ],
)
def test_scopes(role: VendorRole | None, staff: list[StaffRole], scopes: set[str]) -> None:
    """The sets of RBAC.03 to 07 and of staff, exactly."""
    person = Person(id=uuid4(), email="a@b.example", name="A", created_at=NOON, staff_roles=staff)
    place = Membership(vendor_id=uuid4(), role=role) if role else None
    assert scopes_of(person, place) == {"person"} | scopes


def test_a_custom_role_gives_what_it_holds_and_no_more() -> None:
    held = ["vendor:products", "staff:money", "nonsense"]
    place = Membership(vendor_id=uuid4(), role="custom", role_id=uuid4(), scopes=held)
    desk = CustomRole(id=uuid4(), name="Desk", scopes=["staff:orders", "staff:people", "internal"])
    person = Person(id=uuid4(), email="a@b.example", name="A", created_at=NOON, custom_roles=[desk])
    assert scopes_of(person, place) == {
        *("person", "vendor:products", "vendor:products:view"),
        *("staff", "staff:orders"),
    }


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada+tag@example.com", "ada+tag@example.com"),
        ("José@exämple.com", "josé@exämple.com"),
        ("jose\u0301@example.com", "josé@example.com"),  # the same letter, composed
        ("vendor@demo.test", "vendor@demo.test"),
    ],
)
def test_an_address_has_one_form(given: str, normal: str) -> None:
    assert normal_email(given) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@localhost",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@example.com\r\nBcc: all@example.com",
        "ada@example.com\x00",
        "Ada <ada@example.com>",
        "ada@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 250 + ".com",
        "\ud800@example.com",
        "ada@\ud800.com",
        "ada@example.com,bob@example.com",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(EmailInvalid):
        normal_email(text)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = normal_email(text)
    except EmailInvalid:
        return
    assert normal_email(found) == found


@given(st.text(st.characters(exclude_categories=[]), max_size=140))
def test_a_name_is_one_line(text: str) -> None:
    try:
        found = person_name(text)
    except Invalid:
        return
    assert person_name(found) == found
    assert not set(found) & {"\n", "\r", "\x00", "\u202e", "\u2028"}
    assert 0 < len(found) <= 120


@pytest.mark.parametrize(
    "name", ["Ada", "Ada  Lovelace", "李小龍", "O'Neil-Smith", "রবীন্দ্রনাথ", "می‌خواهم"]
)
def test_names_in_many_scripts(name: str) -> None:
    assert person_name(name) == " ".join(name.split())


@pytest.mark.parametrize(
    "password",
    [
        *("short", "", "1234567", "password", "PASSWORD", "Qwerty123", "aaaaaaaaaaaa"),
        *("ada@example.com", "x" * 201),
    ],
)
def test_weak_passwords(password: str) -> None:
    with pytest.raises(PasswordWeak) as refused:
        strong_password(password, "ada@example.com")
    assert refused.value.fields[0].path == "password"


def test_other_passwords_are_well() -> None:
    for password in ("correct horse", "пароль-длинный", "  spaces  ", "😀😃😄😁😆😅😂🤣"):
        assert strong_password(password, "ada@example.com") == password


def test_which_team_a_person_acts_for() -> None:
    first, second = uuid4(), uuid4()
    person = Person(
        id=uuid4(),
        email="a@b.example",
        name="A",
        created_at=NOON,
        memberships=[
            Membership(vendor_id=first, role="staff"),
            Membership(vendor_id=second, role="owner"),
        ],
    )
    alone = person.model_copy(update={"memberships": []})
    found = [chosen(person, id, strict=False) for id in (None, second, uuid4())]
    assert [one and one.vendor_id for one in found] == [first, second, None]
    assert chosen(alone, None, strict=True) is None
    with pytest.raises(NotFound):
        chosen(person, uuid4(), strict=True)
    with pytest.raises(NotFound):
        chosen(alone, first, strict=True)


def test_small_things() -> None:
    assert attempt_key("a", "bc") != attempt_key("ab", "c")
    assert client_label("Browser\r\n\x00/1 " + "x" * 500) == "Browser/1 " + "x" * 187
    with pytest.raises(ValueError):
        instant("2026-01-01T00:00:00")
    assert instant(NOON.isoformat()) == NOON
    assert isinstance(NOON, datetime)
    assert issubclass(EmailInvalid, Problem)
