"""The audit: who changed what, searched; whole lists go out as files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import Contact, Identity
from haat.domains.trust.audit.api import MEDIA_TYPES, Asked, Audit, Entry, Part
from haat.engines.http.streaming import streamed
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.order_filters import day
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page

router = APIRouter()
HERE = "/admin/audit"
IDS = ("actor_id", "vendor_id", "person_id", "session_id")
WORDS = ("acting", "kind", "subject", "command", "request_id")
ACTING = (
    ("staff", "Staff"),
    ("vendor", "Vendors' teams"),
    ("key", "API keys"),
    ("customer", "Customers"),
    ("system", "The market by itself"),
    ("guest", "Guests"),
    ("support", "Support sessions"),
    ("system", "The system"),
)


@router.get("/admin/audit")
async def listed(visit: Staff, request: Request, cursor: str | None = None) -> Response:
    asked, form = narrowed(request.query_params)
    audit: Audit = visit.doors[Audit]
    found = await audit.entries(visit.ctx, asked=asked, cursor=cursor or None)
    return page(
        visit,
        "audit.html",
        HERE,
        422 if form.problem else 200,
        found=found,
        form=form,
        names=await names_in(visit, found),
        acting=ACTING,
        narrowing=urlencode(form.values),
    )


@router.get("/admin/audit/export/{form}")
async def exported(visit: Staff, request: Request, form: str) -> Response:
    """The whole list as a file; "csv" or "jsonl"."""
    asked, sent = narrowed(request.query_params)
    if sent.problem is not None:
        raise sent.problem
    if form not in ("csv", "jsonl"):
        raise NotFound
    kind: Literal["csv", "jsonl"] = "csv" if form == "csv" else "jsonl"
    later = replace(visit.ctx, deadline=None)  # each piece has a deadline of its own
    audit: Audit = visit.doors[Audit]

    async def part(cursor: str | None) -> Part:
        return await audit.export(later, asked=asked, form=kind, cursor=cursor)

    return await streamed(part, name=f"audit.{kind}", media_type=MEDIA_TYPES[kind])


def narrowed(given: Mapping[str, str]) -> tuple[Asked, Form]:
    """What is asked for, and the form as it was sent. What cannot be read is told at its field, and
    does not narrow."""
    names = (*IDS, *WORDS, "since", "until")
    values = {name: text for name in names if (text := given.get(name, "").strip()[:200])}
    reader = Reader(values)
    found: dict[str, object] = {name: values.get(name) for name in WORDS}
    for name in IDS:
        found[name] = _id(reader, values, name)
    found["since"] = day(reader, values, "since")
    found["until"] = day(reader, values, "until", last=True)
    try:
        reader.done()
    except Invalid as problem:
        return Asked(), Form(values, problem)
    return Asked.model_validate(found), Form(values)


async def names_in(visit: Visit, found: Page[Entry]) -> dict[UUID, str]:
    """The names of whom these entries mention, as far as they have accounts."""
    ids = {id for one in found.items for id in (one.actor_id, one.person_id) if id is not None}
    if not ids:
        return {}
    people: list[Contact] = await visit.doors[Identity].look_up(visit.ctx, person_ids=sorted(ids))
    return {one.person_id: one.name for one in people}


def _id(reader: Reader, values: Mapping[str, str], name: str) -> UUID | None:
    if name not in values:
        return None
    try:
        return UUID(values[name])
    except ValueError:
        reader.refuse(name, "This is not an id.", "id_invalid")
        return None
