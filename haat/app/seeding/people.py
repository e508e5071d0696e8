"""The demo's customers: names that meet in a market, and addresses in four countries."""

import random
from dataclasses import dataclass

_FIRST = (
    "Amina Ben Chiara Dalia Emeka Fatima Goran Hana Ines Jamal Keiko Lars Mina Nadia Oskar Priya "
    "Quentin Rosa Samir Tara Ugo Vera Wen Ximena Yusuf Zoe"
).split()
_LAST = (
    "Rahman Okafor Lindqvist Moreau Haddad Tanaka Novak Silva Khan Jensen Costa Begum Fischer "
    "Mwangi Rossi Park Nguyen Cohen Dubois Petrov"
).split()
# country → (city, region, postal code)
_CITIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "US": (
        ("Portland", "OR", "97205"),
        ("Asheville", "NC", "28801"),
        ("Madison", "WI", "53703"),
        ("Austin", "TX", "78701"),
        ("Providence", "RI", "02903"),
    ),
    "GB": (("Bristol", "", "BS1 4DJ"), ("Leeds", "", "LS1 5DL"), ("Norwich", "", "NR2 1RF")),
    "DE": (("Leipzig", "", "04109"), ("Freiburg", "", "79098")),
    "BD": (("Dhaka", "", "1205"), ("Chattogram", "", "4000")),
}
_STREETS = (
    "Mill Lane",
    "Orchard Street",
    "Station Road",
    "Harbour Walk",
    "Linden Row",
    "Hill Rise",
)


@dataclass(frozen=True, slots=True)
class Shopper:
    """A customer, or a guest. `address` has the fields of a postal address."""

    name: str
    email: str
    address: dict[str, str]


def shopper(number: int, name: str = "", email: str = "") -> Shopper:
    """The customer with this number: always the same."""
    dice = random.Random(f"shopper-{number}")
    first, last = _FIRST[number % len(_FIRST)], dice.choice(_LAST)
    called = name or f"{first} {last}"
    country = dice.choices(list(_CITIES), (60, 18, 14, 8))[0]
    city, region, code = dice.choice(_CITIES[country])
    address = {
        "name": called,
        "line1": f"{dice.randint(1, 180)} {dice.choice(_STREETS)}",
        "city": city,
        "region": region,
        "postal_code": code,
        "country": country,
    }
    mailbox = email or f"{first}.{last}.{number}@people.demo.haat.example".lower()
    return Shopper(called, mailbox, address)
