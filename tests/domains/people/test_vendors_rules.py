from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.people.vendors.api import Status, WrongVendorState
from haat.domains.people.vendors.rules import (
    Decision,
    after,
    contact_address,
    id_of,
    name_key,
    other_slug,
    reason_for,
    slug_of,
    vendor_name,
)
from haat.kernel.errors import Invalid

ID = UUID("01890000-0000-7000-8000-0000deadbeef")
STATUSES: tuple[Status, ...] = ("pending", "active", "suspended", "rejected")
DECISIONS: tuple[Decision, ...] = ("approve", "reject", "suspend", "reinstate")
MOVES: dict[tuple[Status, Decision], Status | None] = {
    ("pending", "approve"): "active",
    ("pending", "reject"): "rejected",
    ("active", "suspend"): "suspended",
    ("suspended", "reinstate"): "active",
    # taken already
    ("active", "approve"): None,
    ("active", "reinstate"): None,
    ("rejected", "reject"): None,
    ("suspended", "suspend"): None,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("decision", DECISIONS)
def test_decisions(status: Status, decision: Decision) -> None:
    if (status, decision) in MOVES:
        assert after(status, decision) == MOVES[status, decision]
    else:
        with pytest.raises(WrongVendorState):
            after(status, decision)


def test_a_reason_is_needed_for_bad_news() -> None:
    assert reason_for("approve", "  ") is None
    assert reason_for("reject", " no \n papers ") == "no papers"
    for decision in ("reject", "suspend"):
        with pytest.raises(Invalid):
            reason_for(decision, " ")
    with pytest.raises(Invalid):
        reason_for("reject", "x" * 1001)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Green Farm", "green-farm"),
        ("  Café  Zoë & Søn ", "cafe-zoe-sn"),
        ("O'Neil's", "oneils"),
        ("ﬁne Ｗares", "fine-wares"),
        ("হাট বাজার", "vendor-deadbeef"),
        ("北京 Tea", "tea"),
        ("北京烤鸭专卖店 A1", "vendor-deadbeef"),
        ("Apply", "apply-deadbeef"),
        ("../../etc/passwd", "etc-passwd"),
        ("A!", "vendor-deadbeef"),
        (
            "0189 0000 0000 7000 8000 0000 dead beef",
            "0189-0000-0000-7000-8000-0000-dead-beef-deadbeef",
        ),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert slug_of(name, ID) == slug


@given(st.text(st.characters(exclude_categories=[]), max_size=90))
def test_any_name_makes_a_slug_or_is_refused(text: str) -> None:
    try:
        name = vendor_name(text)
    except Invalid:
        return
    assert vendor_name(name) == name
    for slug in (slug_of(name, ID), other_slug(slug_of(name, ID), ID)):
        assert slug.isascii()
        assert all(c.isalnum() or c == "-" for c in slug)
        assert 2 <= len(slug) <= 80
        assert id_of(slug) is None
    assert name_key(name) == name_key(name.upper()) or name.upper().lower() != name.lower()


@pytest.mark.parametrize(
    "name", ["", "a", "  ", "!!", "\u200b\u200b", "a\x00b", "x" * 81, "\ud800x"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(Invalid):
        vendor_name(name)


def test_names_that_look_the_same_are_the_same() -> None:
    assert name_key("Green Farm") == name_key("GREEN  FARM") == name_key("Ｇreen\u200b Farm")
    assert name_key("Green Farm") != name_key("Green Farms")


def test_contact_addresses() -> None:
    assert contact_address(" Shop@Example.com") == "Shop@example.com"
    with pytest.raises(Invalid):
        contact_address("shop@example.com\nBcc: x@y.example")
