"""What the operator asks vendors for, how far one has come, and staff's decision on it.

Part of the public file: `api` hands these names on. `Checklist` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

ItemKind = Literal["business", "document", "bank_account", "terms", "profile"]
DocumentType = Literal["identity", "business", "address", "tax", "bank", "licence", "other"]
BusinessType = Literal["individual", "sole_trader", "company", "partnership", "nonprofit"]
BusinessField = Literal[
    "legal_name", "registration_number", "tax_number", "street", "postal_code", "city", "country",
    "phone",
]  # fmt: skip
# "preparing": the vendor fills the list; "submitted": staff look at it; "changes": they asked for
# something else.
Stage = Literal["preparing", "submitted", "changes", "approved", "rejected", "closed"]
ItemState = Literal["open", "waiting", "done", "refused", "waived"]
Decision = Literal["approve", "reject", "request_changes", "suspend", "reinstate"]
BankState = Literal["none", "unverified", "verified"]
Note = Annotated[str, Field(max_length=1000)]


class ChecklistIncomplete(Conflict, code="checklist_incomplete"):
    """Something that is required is missing still; see the checklist."""


class ChecklistFull(Conflict, code="checklist_full"):
    """A checklist has at most 40 items."""


class ReviewMoved(Conflict, code="review_moved"):
    """The application has changed since it was read; look at it again."""


class Item(Model):
    """One thing that is asked for. `fields` are of a "business" item, `document_type` of a
    document's; no `business_types` means all of them."""

    kind: ItemKind
    title: Annotated[str, Field(min_length=1, max_length=120)]
    hint: Annotated[str, Field(max_length=500)] = ""
    required: bool = False
    document_type: DocumentType | None = None
    fields: Annotated[list[BusinessField], Field(max_length=8)] = []
    business_types: Annotated[list[BusinessType], Field(max_length=5)] = []
    position: Annotated[int, Field(ge=0, le=1000)] = 0


class ListedItem(Item):
    id: UUID


class BusinessData(Model):
    """Who stands behind the store; staff and the vendor's team see it. "" is not given."""

    legal_name: Annotated[str, Field(max_length=120)] = ""
    registration_number: Annotated[str, Field(max_length=60)] = ""
    tax_number: Annotated[str, Field(max_length=60)] = ""
    street: Annotated[str, Field(max_length=120)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    city: Annotated[str, Field(max_length=80)] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    phone: Annotated[str, Field(max_length=40)] = ""


class ItemProgress(Model):
    """`note`: what is missing or why it was refused, for the vendor."""

    item: ListedItem
    state: ItemState
    note: str = ""


class Progress(Model):
    """How far a vendor has come. `left`: items that wait for the vendor; `missing`: the required
    ones among them; `note`: what staff asked for last; `unchecked`: what waits for staff."""

    vendor_id: UUID
    stage: Stage
    items: list[ItemProgress]
    left: int
    missing: int
    unchecked: int
    note: str = ""
    submitted_at: datetime | None = None
    business: BusinessData = BusinessData()
    terms_due: datetime | None = None  # until when a newer version is to be accepted


class Case(Model):
    """A vendor in staff's list."""

    vendor_id: UUID
    stage: Stage
    submitted_at: datetime | None = None
    created_at: datetime


class Entry(Model):
    """One line of an application's history. `internal`: for staff alone."""

    id: UUID
    at: datetime
    what: str
    by: UUID | None
    text: str = ""
    internal: bool = False


class ChangesRequested(Event, name="vendor.changes_requested", key="vendor_id"):
    """Staff ask for something else; what, stands in the vendor's onboarding."""

    vendor_id: UUID


class ApplicationSubmitted(Event, name="vendor.application_submitted", key="vendor_id"):
    """The vendor says that its list is complete."""

    vendor_id: UUID


class Checklist:
    """The part of onboarding's contract that is about the list and the review."""

    @query(scope="vendor:profile")
    async def progress(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        """Of the vendor that the actor acts for. NotFound."""

    @command(scope="vendor:profile", repeatable=True)
    async def save_business(self, ctx: Context, *, vendor_id: UUID, data: BusinessData) -> Progress:
        """Replaces what was there; partly filled is kept as well. Invalid at a field."""

    @command(scope="vendor:profile", repeatable=True)
    async def submit(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        """Hands the application to staff. ChecklistIncomplete while something required is missing;
        again, it changes nothing."""

    @query(scope="staff:vendors")
    async def checklist(self, ctx: Context) -> list[ListedItem]:
        """What is asked for, in its order."""

    @command(scope="staff:settings")
    async def save_item(self, ctx: Context, *, id: UUID, item: Item) -> ListedItem:
        """Adds or changes an item, whose kind stays. Who is a vendor stays one, whatever is asked
        for from now on. Invalid where it does not fit its kind, NotFound, ChecklistFull."""

    @command(scope="staff:settings", repeatable=True)
    async def remove_item(self, ctx: Context, *, id: UUID) -> None:
        """Asks for it no more; what was given for it is kept with its vendor."""

    @query(scope="staff:vendors")
    async def progress_of(self, ctx: Context, *, vendor_id: UUID) -> Progress:
        """NotFound."""

    @query(scope="staff:vendors")
    async def cases(
        self,
        ctx: Context,
        *,
        stage: Stage | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Case]:
        """Who is in review, oldest first."""

    @query(scope="staff:vendors")
    async def cases_of(
        self, ctx: Context, *, vendor_ids: Annotated[list[UUID], Field(max_length=100)]
    ) -> list[Case]:
        """Those of these vendors that there are."""

    @command(scope="staff:vendors")
    async def decide(
        self, ctx: Context, *, vendor_id: UUID, decision: Decision, note: Note = ""
    ) -> Progress:
        """Approving asks that all that is required is there and checked (ChecklistIncomplete);
        the rest needs a note, which the vendor reads. WrongVendorState, ReviewMoved. The same
        decision again changes nothing."""

    @command(scope="staff:vendors", repeatable=True)
    async def waive(
        self, ctx: Context, *, vendor_id: UUID, item_id: UUID, waived: bool, note: Note = ""
    ) -> Progress:
        """Goes without an item for this vendor (which needs a note), or asks for it again."""

    @command(scope="staff:vendors")
    async def remark(self, ctx: Context, *, id: UUID, vendor_id: UUID, text: Note) -> None:
        """A note for staff alone in the application's history."""

    @query(scope="staff:vendors")
    async def history(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Entry]:
        """The newest first."""

    @command(scope="internal", repeatable=True)
    async def note_bank(
        self, ctx: Context, *, vendor_id: UUID, state: BankState, at: datetime
    ) -> None:
        """Whether the vendor can be paid, from who keeps its bank accounts; the newest stays."""
