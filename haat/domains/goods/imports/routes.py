"""Imports and exports of a vendor's goods over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.goods.imports.api import (
    PART_MAX,
    FileTooLarge,
    Finding,
    Imports,
    Mapping,
    MappingName,
    Preview,
    Run,
    SavedMapping,
)
from haat.engines.http import Ctx, Door
from haat.engines.http.streaming import attachment, streamed
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["imports"])
ImportsDoor = Annotated[Imports, Door(Imports)]
CSV = "text/csv; charset=utf-8"


class Looked(Body):
    mapping: Mapping | None = None


class Start(Body):
    """`saveAs` keeps the mapping under a name, for the next file with these columns."""

    mapping: Mapping | None = None
    dry_run: bool = False
    save_as: MappingName | None = None


@router.put(
    "/imports/{id}/parts/{number}",
    summary="Send a part of a file, from 0, at most 8 MiB; the last one with ?last=true",
    openapi_extra={
        "requestBody": {
            "required": False,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def send_part(
    id: UUID,
    number: int,
    request: Request,
    ctx: Ctx,
    imports: ImportsDoor,
    name: Annotated[str, Query(max_length=200)] = "file",
    last: bool = False,
) -> Run:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > PART_MAX:
            raise FileTooLarge
    return await imports.receive(
        ctx,
        id=id,
        vendor_id=ctx.acting_vendor,
        file_name=name or "file",
        number=number,
        content=bytes(content),
        last=last,
    )


@router.get("/imports", summary="Imports of one's own vendor, newest first")
async def runs(
    ctx: Ctx, imports: ImportsDoor, limit: Limit = 24, cursor: str | None = None
) -> Page[Run]:
    return await imports.runs(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/imports/{id}", summary="How far an import is")
async def run(id: UUID, ctx: Ctx, imports: ImportsDoor) -> Run:
    return await imports.run(ctx, id=id)


@router.post("/imports/{id}/preview", summary="The beginning of the file as it would be imported")
async def preview(id: UUID, body: Looked, ctx: Ctx, imports: ImportsDoor) -> Preview:
    return await imports.preview(ctx, id=id, mapping=body.mapping)


@router.post("/imports/{id}/start", summary="Import it, or try without writing")
async def start(id: UUID, body: Start, ctx: Ctx, imports: ImportsDoor) -> Run:
    return await imports.start(
        ctx, id=id, mapping=body.mapping, dry_run=body.dry_run, save_as=body.save_as
    )


@router.post("/imports/{id}/stop", summary="Stop it; what is in stays")
async def stop(id: UUID, ctx: Ctx, imports: ImportsDoor) -> Run:
    return await imports.stop(ctx, id=id)


@router.get("/imports/{id}/findings", summary="What was left out, with line and reason")
async def findings(
    id: UUID,
    ctx: Ctx,
    imports: ImportsDoor,
    refused: bool | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Finding]:
    return await imports.findings(ctx, id=id, refused=refused, limit=limit, cursor=cursor)


@router.get(
    "/imports/{id}/corrections.csv",
    summary="The rows that were refused, with why: to correct and send again",
    response_model=None,
)
async def corrections(id: UUID, ctx: Ctx, imports: ImportsDoor) -> Response:
    return await streamed(
        lambda cursor: imports.corrections(ctx, id=id, cursor=cursor),
        name=f"corrections-{id}.csv",
        media_type=CSV,
    )


@router.get("/import-mappings", summary="How columns were mapped before")
async def mappings(ctx: Ctx, imports: ImportsDoor) -> list[SavedMapping]:
    return await imports.mappings(ctx, vendor_id=ctx.acting_vendor)


@router.delete("/import-mappings/{id}", status_code=204, summary="Forget a mapping")
async def forget_mapping(id: UUID, ctx: Ctx, imports: ImportsDoor) -> None:
    await imports.forget_mapping(ctx, id=id)


@router.get("/exports/products.csv", summary="All one's products", response_model=None)
async def export(ctx: Ctx, imports: ImportsDoor) -> Response:
    vendor_id = ctx.acting_vendor
    return await streamed(
        lambda cursor: imports.export(ctx, vendor_id=vendor_id, cursor=cursor),
        name="products.csv",
        media_type=CSV,
    )


@router.get("/exports/products.xlsx", summary="The same as Excel workbook", response_model=None)
async def workbook(ctx: Ctx, imports: ImportsDoor) -> Response:
    file = await imports.workbook(ctx, vendor_id=ctx.acting_vendor)
    return Response(file.content, headers=attachment(file.name), media_type=file.media_type)
