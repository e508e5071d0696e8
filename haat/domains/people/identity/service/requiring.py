"""Of whom a market asks for a second step, and what they may do before they have one.

Nobody is locked out: who signed in without one sets it up in that very session, and has then what
was kept back.
"""

from dataclasses import dataclass
from typing import Literal

from haat.domains.people.identity.api import Membership, Person
from haat.domains.people.identity.rules import scopes_of
from haat.kernel.context import ENROL

Step = Literal["optional", "required"]
VendorStep = Literal["optional", "money", "required"]
# What money can be led away by: where payouts go, who else may, and programs that may.
MONEY = frozenset({"vendor:money", "vendor:team", "vendor:keys"})


@dataclass(frozen=True, slots=True)
class Required:
    """`vendors`: for their money and who works on it, or for all that a team may."""

    staff: bool
    vendors: VendorStep
    everybody: bool

    def left(self, scopes: frozenset[str]) -> frozenset[str]:
        """What of this is not kept back without a second step."""
        if self.everybody:
            return frozenset()
        return frozenset(one for one in scopes if not self._kept_back(one))

    def of(
        self, person: Person, team: Membership | None, *, strong: bool
    ) -> tuple[Person, Membership | None, frozenset[str]]:
        """What somebody is and may do, in a session that a second step was taken in or not."""
        scopes = scopes_of(person, team)
        left = scopes if strong else self.left(scopes)
        if left == scopes:
            return person, team, scopes
        if "staff" not in left:
            person = person.model_copy(update={"staff_roles": [], "custom_roles": []})
        if not any(one.startswith("vendor:") for one in left):
            team = None  # nor is anything done in the vendor's name
        return person, team, left | {ENROL}

    def _kept_back(self, scope: str) -> bool:
        kind = scope.partition(":")[0]
        if kind == "staff":
            return self.staff
        if kind == "vendor":
            return self.vendors == "required" or (self.vendors == "money" and scope in MONEY)
        return False
