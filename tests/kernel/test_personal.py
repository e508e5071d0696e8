"""Texts about people print as their kind, wherever they stand."""

import json
import pickle
from uuid import uuid4

import pytest

from haat.domains.money.payments.api import Destination
from haat.domains.people.identity.api import Person
from haat.domains.people.profiles.api import Address
from haat.kernel.model import Model
from haat.kernel.personal import EmailAddress, EmailText, NameText, Token

ADA = {
    "name": "Planted Person",
    "line1": "7 Planted Lane",
    "city": "Plantedham",
    "postalCode": "PL4 N73",
    "country": "GB",
    "phone": "+44 20 7946 0999",
}


class Contact(Model):
    email: EmailText
    name: NameText = ""


def test_a_value_is_a_text_everywhere_but_where_it_is_shown() -> None:
    address = EmailAddress("ann@example.org")
    assert address == "ann@example.org"
    assert f"{address}" == "ann@example.org"
    assert json.loads(json.dumps({"to": address})) == {"to": "ann@example.org"}
    assert repr(address) == repr([address])[1:-1] == "<e-mail>"
    assert f"{address!r} {Token('t')!r} {Token('')!r}" == "<e-mail> <token> ''"
    assert pickle.loads(pickle.dumps(address)) == address  # noqa: S301 - our own


def test_a_model_shows_none_of_them() -> None:
    shown = repr(Contact(email="ann@example.org", name="Ann"))
    assert shown == "Contact(email=<e-mail>, name=<name>)"
    # Over any wire and back they are what they were.
    wired = Contact.model_validate_json(Contact(email="ann@example.org").model_dump_json())
    assert wired.email == "ann@example.org"
    assert "ann" not in repr(wired)
    assert "type" in Contact.model_json_schema()["properties"]["email"]


def test_what_is_refused_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="name") as refused:
        Address.model_validate({**ADA, "name": "Planted" * 40})
    assert "Planted" not in str(refused.value)


def test_the_market_s_own_models() -> None:
    address = Address.model_validate(ADA)
    account = Destination(holder="Planted Person", account="GB33BUKB20201555555555")
    person = Person.model_validate(
        {
            "id": uuid4(),
            "email": "planted@example.org",
            "name": "Planted Person",
            "createdAt": "2027-01-01T00:00:00Z",
        }
    )
    for one in (address, account, person, [address], {"to": address}):
        shown = repr(one)
        for planted in ("Planted", "planted", "PL4", "7946", "BUKB"):
            assert planted not in shown, f"{planted} in {shown}"
