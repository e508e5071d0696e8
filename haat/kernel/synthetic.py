"""Whom `haat doctor` drills a market with: one vendor, its owner and some customers.

They are the same in every installation, and nobody else can have these ids. The vendor's goods are
on no shelf, in no search and on no page; nobody gets mail or notices about them; the `drill` card
network charges these customers and nobody else.
"""

from uuid import NAMESPACE_URL, UUID, uuid5

from haat.kernel.ids import derive

PARENT = uuid5(NAMESPACE_URL, "https://haat.example/doctor")
VENDOR: UUID = derive(PARENT, "vendor")
OWNER: UUID = derive(PARENT, "owner")
CUSTOMERS: tuple[UUID, ...] = tuple(derive(PARENT, f"customer-{n}") for n in range(1, 5))
PEOPLE: frozenset[UUID] = frozenset({OWNER, *CUSTOMERS})
MAIL_DOMAIN = "doctor.haat.example"  # RFC 2606: nobody's, for ever

# The card network that a doctor brings, in the data folder: its port while it is there, its key.
PROVIDER = "drill"
CARDS_PORT, CARDS_KEY = "doctor/cards.port", "doctor/cards.key"
