"""Vendors, documents and people for the tests of onboarding."""

import io
from typing import Any
from uuid import UUID, uuid4

from fpdf import FPDF
from PIL import Image

from haat.domains.people.onboarding.api import (
    BusinessData,
    Item,
    ListedItem,
)
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.vendors.api import (
    Status,
    TermsStanding,
    Vendor,
    Vendors,
)
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from tests.domains.people.doubles import (
    NOON,
    person,
)

WHOLE = BusinessData(
    legal_name="Green Farm Ltd", street="Field 1", postal_code="12345", city="Hamm",
    country="DE", phone="+49 1",
)  # fmt: skip
STAFF = ("staff", "staff:vendors", "staff:settings")


class FakeVendors(Vendors):
    """Knows vendors, and is told of decisions; `away` while it does not answer."""

    def __init__(self) -> None:
        self.known: dict[UUID, Vendor] = {}
        self.told: list[tuple[UUID, str, str]] = []
        self.away = False
        self.needed: dict[UUID, int] = {}
        self.accepted: dict[UUID, int] = {}

    async def follow_terms(self, ctx: Context, *, standings: list[TermsStanding]) -> None:
        if self.away:
            raise Unavailable
        for one in standings:
            for kept, told in ((self.needed, one.needed), (self.accepted, one.accepted)):
                kept[one.vendor_id] = max(told, kept.get(one.vendor_id, 0))

    def held(self) -> set[UUID]:
        return {id for id, needed in self.needed.items() if needed > self.accepted[id]}

    def add(self, status: Status = "pending", business_type: str = "") -> Vendor:
        id = uuid4()
        self.known[id] = Vendor(
            id=id, slug=f"v-{id}", name="Green Farm", status=status, country="DE",
            business_type=business_type, created_at=NOON,
        )  # fmt: skip
        return self.known[id]

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [self.known[id] for id in ids if id in self.known]

    async def find(self, ctx: Context, *, slug: str) -> Vendor:
        return self.known[UUID(slug)]

    async def decide(self, ctx: Context, *, id: UUID, decision: Any, reason: str = "") -> Vendor:
        if self.away:
            raise Unavailable
        status: dict[str, Status] = {
            "approve": "active", "reject": "rejected", "suspend": "suspended",
            "reinstate": "active",
        }  # fmt: skip
        self.told.append((id, decision, reason))
        changed = self.known[id].model_copy(update={"status": status[decision]})
        self.known[id] = changed
        return changed


def owner(at: SettableClock, vendor: Vendor) -> Context:
    return person(at, vendor=vendor.id, scopes=["vendor:profile"])


def staff(at: SettableClock) -> Context:
    return person(at, scopes=STAFF)


def pdf(pages: int = 2, text: str = "Extract 4711") -> bytes:
    made = FPDF()
    made.set_font("helvetica")
    for number in range(pages):
        made.add_page()
        made.text(20, 40, f"{text}, page {number + 1}")
    return bytes(made.output())


def photo(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(out, kind)
    return out.getvalue()


async def item_of(onboarding: OnboardingService, kind: str, at: SettableClock) -> ListedItem:
    found = await onboarding.checklist(staff(at))
    return next(one for one in found if kind in (one.kind, one.document_type))


async def require(onboarding: OnboardingService, kind: str, at: SettableClock) -> ListedItem:
    item = await item_of(onboarding, kind, at)
    wanted = Item(**{**dict(item), "required": True, "id": None})
    return await onboarding.save_item(staff(at), id=item.id, item=wanted)


async def sent(
    onboarding: OnboardingService, at: SettableClock, vendor: Vendor, content: bytes | None = None
) -> UUID:
    """A proof of identity of this vendor; its id."""
    item, id = await item_of(onboarding, "identity", at), uuid4()
    await onboarding.add_document(
        owner(at, vendor), id=id, vendor_id=vendor.id, item_id=item.id, name="pass.pdf",
        content=content or pdf(),
    )  # fmt: skip
    return id
