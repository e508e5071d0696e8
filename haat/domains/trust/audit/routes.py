"""The audit over REST: for staff all of it, for a vendor its own store's."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from haat.domains.trust.audit.api import MEDIA_TYPES, Asked, Audit, Entry, Form, Part
from haat.engines.http import Ctx, Door
from haat.engines.http.streaming import streamed
from haat.kernel.context import Context
from haat.kernel.exact import Written
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["audit"])
Service = Annotated[Audit, Door(Audit)]
Cursor = Annotated[str | None, Query(max_length=300)]
Word = Annotated[str | None, Query(max_length=200)]


async def _asked(
    actor: Annotated[UUID | None, Query(alias="actorId")] = None,
    acting: Word = None,
    kind: Word = None,
    subject: Word = None,
    command: Word = None,
    request_id: Annotated[Word, Query(alias="requestId")] = None,
    session: Annotated[UUID | None, Query(alias="sessionId")] = None,
    vendor: Annotated[UUID | None, Query(alias="vendorId")] = None,
    person: Annotated[UUID | None, Query(alias="personId")] = None,
    since: Written | None = None,
    until: Written | None = None,
) -> Asked:
    """`kind` is "module.table" or a module; what is left out narrows nothing."""
    return Asked(
        actor_id=actor,
        acting=acting,
        kind=kind,
        subject=subject,
        command=command,
        request_id=request_id,
        session_id=session,
        vendor_id=vendor,
        person_id=person,
        since=since,
        until=until,
    )


Narrowed = Annotated[Asked, Depends(_asked)]


@router.get("/admin/audit", summary="Who changed what, newest first")
async def entries(
    ctx: Ctx, audit: Service, asked: Narrowed, limit: Limit = 50, cursor: Cursor = None
) -> Page[Entry]:
    return await audit.entries(ctx, asked=asked, limit=limit, cursor=cursor)


@router.get("/admin/audit.csv", summary="The same as CSV, streamed")
async def entries_csv(ctx: Ctx, audit: Service, asked: Narrowed) -> Response:
    return await _exported(ctx, audit, asked, "csv")


@router.get("/admin/audit.jsonl", summary="The same as JSON, an entry a line, streamed")
async def entries_jsonl(ctx: Ctx, audit: Service, asked: Narrowed) -> Response:
    return await _exported(ctx, audit, asked, "jsonl")


@router.get("/vendors/{vendor_id}/audit", summary="Who changed what of the store, newest first")
async def entries_of_vendor(
    vendor_id: UUID,
    ctx: Ctx,
    audit: Service,
    asked: Narrowed,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Entry]:
    return await audit.entries_of_vendor(
        ctx, vendor_id=vendor_id, asked=asked, limit=limit, cursor=cursor
    )


async def _exported(ctx: Context, audit: Audit, asked: Asked, form: Form) -> Response:
    # Not bound to the request's deadline: each piece has one of its own.
    later = replace(ctx, deadline=None)

    async def part(cursor: str | None) -> Part:
        return await audit.export(later, asked=asked, form=form, cursor=cursor)

    return await streamed(part, name=f"audit.{form}", media_type=MEDIA_TYPES[form])
