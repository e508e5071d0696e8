"""Imports: a vendor's file of goods, from its upload to the last row. docs/flows/imports.md"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.imports.formats.fields import FIELDS as FIELDS
from haat.domains.goods.imports.formats.fields import Format
from haat.domains.goods.imports.formats.mapping import Mapping as Mapping
from haat.domains.people.media.api import Bytes
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, TooLarge
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

PART_MAX = 8 * 1024 * 1024
PARTS_MAX = 64  # half a gigabyte: a million rows of 500 characters

# `receiving` → `ready` (its columns are known) → `waiting` → `running` → `done`, or `stopped` by
# its vendor; `failed` where the file is no table, or broke off.
State = Literal["receiving", "ready", "waiting", "running", "done", "stopped", "failed"]
FileName = Annotated[str, Field(min_length=1, max_length=200)]
MappingName = Annotated[str, Field(min_length=1, max_length=80)]


class WrongRunState(Conflict, code="import_state"):
    """The import is not in a state that allows this."""


class PartMissing(Conflict, code="import_part_missing"):
    """A part of the file has not arrived: send it, then the last one again."""


class FileTooLarge(TooLarge, code="import_too_large"):
    """A part has at most 8 MiB, a file at most 64 parts."""


class MappingWrong(Invalid, code="import_mapping"):
    """The columns cannot be used as they are mapped."""


class TooManyRows(Conflict, code="export_too_large"):
    """There are too many products for one workbook: take the CSV file, Excel opens it too."""


class Counts(Model):
    """Of products, but `rows` and `noted`: rows of the file, and what was left out of products
    that went in all the same."""

    rows: int = 0
    rows_done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    noted: int = 0


class Run(Model):
    """One file. In a dry run nothing is written: `created` and `updated` say what would be."""

    id: UUID
    vendor_id: UUID
    file_name: str
    state: State
    format: Format | None  # None until the file is whole
    dry_run: bool
    counts: Counts
    failure: str | None  # why it failed, for people
    created_at: datetime
    finished_at: datetime | None


class Finding(Model):
    """What was left out of a file: a whole product (`refused`), or something of it."""

    line: int
    column: str
    reason: str
    key: str  # the product's handle in the file
    refused: bool


class PreviewVariant(Model):
    sku: str
    options: str  # "M / Red"
    price: str  # "12.99 USD"
    stock: int | None


class PreviewProduct(Model):
    line: int
    title: str
    category: str
    status: str
    pictures: int
    variants: list[PreviewVariant]


class Preview(Model):
    """The beginning of a file as it would be imported. `samples` are each column's first values;
    `problems` say per field why the mapping cannot be used."""

    header: list[str]
    mapping: Mapping
    samples: dict[str, list[str]]
    problems: dict[str, str]
    products: list[PreviewProduct]
    findings: list[Finding]


class SavedMapping(Model):
    """A mapping to be proposed again for files with these columns."""

    id: UUID
    name: str
    mapping: Mapping
    used_at: datetime


class ExportPart(Model):
    """A piece of the file; `next` asks for the following one, None after the last."""

    content: Bytes
    next: str | None


class Workbook(Model):
    """An Excel file."""

    name: str
    media_type: str
    content: Bytes


class Imports(Contract, name="imports"):
    """Everything is about one's own vendor: another's run is NotFound."""

    @command(scope="vendor:products", timeout_s=60)
    async def receive(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        file_name: FileName,
        number: int,
        content: Bytes,
        last: bool,
    ) -> Run:
        """A part of a file, from 0; may be sent again until the file is whole. With the last one
        its header is read: `ready`, or `failed`. FileTooLarge, PartMissing, WrongRunState."""

    @query(scope="vendor:products", timeout_s=30)
    async def preview(self, ctx: Context, *, id: UUID, mapping: Mapping | None = None) -> Preview:
        """With the mapping that is proposed, or this one. WrongRunState before `ready`."""

    @command(scope="vendor:products", timeout_s=30)
    async def start(
        self,
        ctx: Context,
        *,
        id: UUID,
        mapping: Mapping | None = None,
        dry_run: bool = False,
        save_as: MappingName | None = None,
    ) -> Run:
        """Begins, or begins again after a dry run. MappingWrong names the fields; WrongRunState."""

    @command(scope="vendor:products")
    async def stop(self, ctx: Context, *, id: UUID) -> Run:
        """What is in already stays. Of one that has ended nothing changes."""

    @query(scope="vendor:products")
    async def run(self, ctx: Context, *, id: UUID) -> Run: ...

    @query(scope="vendor:products")
    async def runs(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 24, cursor: str | None = None
    ) -> Page[Run]:
        """Newest first."""

    @query(scope="vendor:products")
    async def findings(
        self,
        ctx: Context,
        *,
        id: UUID,
        refused: bool | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Finding]:
        """What was left out, by line: all of it, what shows why products were, or remarks only."""

    @query(scope="vendor:products", timeout_s=30)
    async def corrections(self, ctx: Context, *, id: UUID, cursor: str | None = None) -> ExportPart:
        """CSV of the rows of refused products as the file had them, with a column that says why:
        to be corrected and sent again. NotFound where none was refused."""

    @query(scope="vendor:products")
    async def mappings(self, ctx: Context, *, vendor_id: UUID) -> list[SavedMapping]:
        """Last used first, at most 50."""

    @command(scope="vendor:products")
    async def forget_mapping(self, ctx: Context, *, id: UUID) -> None: ...

    @query(scope="vendor:products:view", timeout_s=30)
    async def export(
        self, ctx: Context, *, vendor_id: UUID, cursor: str | None = None
    ) -> ExportPart:
        """All products that are not archived, as CSV that can be imported."""

    @query(scope="vendor:products:view", timeout_s=60)
    async def workbook(self, ctx: Context, *, vendor_id: UUID) -> Workbook:
        """The same as Excel file, every cell text. TooManyRows."""
