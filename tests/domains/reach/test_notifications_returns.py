"""Who hears what of returns."""

from typing import Any, get_args
from uuid import uuid4

import pytest

from haat.domains.reach.notifications import texts
from haat.domains.reach.notifications.rules import TOLD_OF_RETURNS, notices_of
from haat.domains.trade.returns.api import Kind, ReturnRequested, ReturnUpdated, State
from tests.domains.reach.doubles import heard, usd

KNOWN: dict[str, Any] = {
    "return_id": uuid4(),
    "number": "R-100001",
    "order_id": uuid4(),
    "order_number": "H-100001",
    "vendor_order_id": uuid4(),
    "vendor_id": uuid4(),
    "person_id": uuid4(),
}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_request_is_told_to_both(kind: Kind) -> None:
    event = ReturnRequested(**KNOWN, kind=kind, reason="damaged", amount=usd(1299))
    customer, vendor = notices_of(heard(event))
    assert (customer.person_id, customer.path) == (event.person_id, f"/returns/{event.return_id}")
    assert (vendor.vendor_id, vendor.path) == (
        event.vendor_id,
        f"/vendor/returns/{event.return_id}",
    )
    for one in (customer, vendor):
        written = texts.written(one.kind, one.facts)
        assert "R-100001" in written.title
        assert "12.99 USD" in written.body
        assert "H-100001" in written.body


@pytest.mark.parametrize("escalated", [False, True])
@pytest.mark.parametrize("state", get_args(State))
def test_news_are_told_to_those_they_are_news_for(state: State, escalated: bool) -> None:
    event = heard(ReturnUpdated(**KNOWN, state=state, escalated=escalated))
    news = f"{state}_escalated" if escalated else state
    told = {one.kind: one for one in notices_of(event) if not one.staff}
    assert set(told) == TOLD_OF_RETURNS & {f"return_{news}", f"vendor_return_{news}"}
    for kind, one in told.items():
        assert (one.vendor_id is not None) == kind.startswith("vendor_")
        assert one.path.startswith("/vendor/returns/" if one.vendor_id else "/returns/")


def test_every_message_has_its_words() -> None:
    for kind in TOLD_OF_RETURNS:
        written = texts.written(kind, {"number": "R-1", "order": "H-1"})
        assert "R-1" in written.title or kind == "return_received"
        assert written.body
        assert "{" not in written.title + written.body


def test_a_guest_is_reached_by_the_order() -> None:
    event = heard(ReturnUpdated(**{**KNOWN, "person_id": None}, state="approved", escalated=False))
    [one] = notices_of(event)
    assert (one.person_id, one.order_id) == (None, event.order_id)
