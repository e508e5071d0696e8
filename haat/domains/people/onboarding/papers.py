"""Documents that prove who a vendor is: sealed, looked at by staff only, deleted in time.

Part of the public file: `api` hands these names on. `Papers` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.people.onboarding.checklist import DocumentType, Note
from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Gone, Invalid
from haat.kernel.events import Event
from haat.kernel.model import Model

DOCUMENT_BYTES_MAX = 10 * 1024 * 1024
DOCUMENTS_MAX = 40  # of a vendor, deleted ones not counted
PAGES_MAX = 30
DocumentStatus = Literal["waiting", "verified", "refused"]
FileName = Annotated[str, Field(min_length=1, max_length=200)]


class DocumentUnreadable(Invalid, code="document_unreadable"):
    """Send a PDF without a password, a PNG or a JPEG that can be opened."""


class DocumentTooLarge(Invalid, code="document_too_large"):
    """A document has at most 10 MB, and a PDF at most 30 pages."""


class DocumentsFull(Conflict, code="documents_full"):
    """There are 40 documents already; remove some first."""


class DocumentIdTaken(Conflict, code="document_id_taken"):
    """Another document has this id."""


class DocumentDecided(Conflict, code="document_decided"):
    """Staff have decided on this document already."""


class DocumentDeleted(Gone, code="document_deleted"):
    """This document was deleted when its time had come."""


class Document(Model):
    """What is known of a document, never what stands in it. `reason`: why it was refused."""

    id: UUID
    vendor_id: UUID
    item_id: UUID | None
    type: DocumentType
    name: str
    content_type: str
    size_bytes: int
    pages: int
    status: DocumentStatus
    reason: str = ""
    uploaded_at: datetime
    decided_at: datetime | None = None
    delete_after: datetime | None = None
    deleted_at: datetime | None = None


class Drawn(Model):
    """One page as a picture (WebP), with the name of who looks and the time drawn over it."""

    content: bytes
    pages: int
    seen_at: datetime


class Look(Model):
    """Somebody looked at a page of a document."""

    person_id: UUID | None
    page: int
    at: datetime


class DocumentDecision(Event, name="vendor.document_decided", key="vendor_id"):
    """Staff verified or refused a document; why stands in the vendor's onboarding."""

    vendor_id: UUID
    document_id: UUID
    type: DocumentType
    verified: bool


class Papers:
    """The part of onboarding's contract that is about documents."""

    @command(scope="vendor:profile", timeout_s=90)
    async def add_document(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        item_id: UUID,
        name: FileName,
        content: Annotated[bytes, Field(repr=False)],
    ) -> Document:
        """Keeps a PDF, PNG or JPEG for an item of the checklist, sealed.

        DocumentUnreadable, DocumentTooLarge, DocumentsFull, DocumentIdTaken, NotFound (the item).
        """

    @query(scope="vendor:profile")
    async def documents(self, ctx: Context, *, vendor_id: UUID) -> list[Document]:
        """The vendor's own, the newest first."""

    @command(scope="vendor:profile")
    async def remove_document(self, ctx: Context, *, id: UUID) -> None:
        """Deletes one that nobody verified. DocumentDecided, NotFound."""

    @query(scope="staff:vendors")
    async def documents_of(self, ctx: Context, *, vendor_id: UUID) -> list[Document]:
        """The newest first, deleted ones as well."""

    @command(scope="staff:vendors")
    async def decide_document(
        self, ctx: Context, *, id: UUID, verified: bool, reason: Note = ""
    ) -> Document:
        """Refusing needs a reason, which the vendor reads; a verified one can be refused later.
        The same again changes nothing. NotFound, DocumentDeleted, DocumentDecided."""

    @command(scope="staff:vendors", repeatable=True, timeout_s=90)
    async def look(
        self, ctx: Context, *, id: UUID, page: Annotated[int, Field(ge=1, le=PAGES_MAX)] = 1
    ) -> Drawn:
        """A page of it, and a line in the list of who looked. NotFound, DocumentDeleted."""

    @query(scope="staff:vendors")
    async def looks(self, ctx: Context, *, id: UUID) -> list[Look]:
        """The newest 100."""
