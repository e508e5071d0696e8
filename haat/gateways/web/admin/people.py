"""Who has an account, and what it may do."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.people.identity.api import Evidence, Identity
from haat.domains.trust.privacy.api import Privacy
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Conflict, NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/people"


class BlockForm(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/admin/people")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Identity].people(visit.ctx, cursor=cursor or None)
    vendors = await vendors_by_id(
        visit, (one.vendor_id for person in found.items for one in person.memberships)
    )
    return page(visit, "people.html", HERE, people=found.items, vendors=vendors, next=found.next)


@router.get("/admin/people/{id}")
async def one(visit: Staff, id: UUID, cursor: str | None = None) -> Response:
    return await _one(visit, id, Form(), cursor=cursor)


@router.post("/admin/people/{id}/block")
async def block(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(BlockForm, values)
        await visit.doors[Identity].block(visit.ctx, person_id=id, reason=wanted.reason)
    except Problem as problem:
        if problem.status != 409 and problem.status != 422:
            raise
        return await _one(visit, id, Form(values, problem), problem.status)
    visit.flash("The account is blocked, and its sessions are ended.")
    return visit.redirect(f"{HERE}/{id}")


@router.post("/admin/people/{id}/unblock")
async def unblock(visit: Staff, id: UUID) -> Response:
    await visit.doors[Identity].unblock(visit.ctx, person_id=id)
    visit.flash("Its owner can sign in again.")
    return visit.redirect(f"{HERE}/{id}")


@router.post("/admin/people/{id}/erase")
async def erase(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(BlockForm, values)
        await visit.doors[Privacy].erase_person(
            visit.ctx, id=visit.ctx.new_id(), person_id=id, reason=wanted.reason
        )
    except Problem as problem:
        if problem.status != 409 and problem.status != 422:
            raise
        return await _one(visit, id, Form(values, problem), problem.status)
    visit.flash("The account is being erased.")
    return visit.redirect(f"{HERE}/{id}")


class EvidenceForm(Body):
    evidence: Evidence


@router.post("/admin/people/{id}/factor-reset")
async def ask_reset(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(EvidenceForm, values)
        await visit.doors[Identity].ask_factor_reset(
            visit.ctx, id=visit.ctx.new_id(), person_id=id, evidence=wanted.evidence
        )
    except Problem as problem:
        if problem.status != 409 and problem.status != 422:
            raise
        return await _one(visit, id, Form(values, problem), problem.status)
    visit.flash("They are told. A second person of staff approves it here.")
    return visit.redirect(f"{HERE}/{id}#factor-reset")


@router.post("/admin/people/{id}/factor-reset/approve")
async def approve_reset(visit: Staff, id: UUID, request: Request) -> Response:
    reset = uuid_in(await form_of(request), "reset")
    try:
        await visit.doors[Identity].approve_factor_reset(visit.ctx, id=reset)
    except Conflict as problem:
        return await _one(visit, id, Form({}, problem), problem.status)
    visit.flash("It is approved, and they are told how to stop it.")
    return visit.redirect(f"{HERE}/{id}#factor-reset")


@router.post("/admin/people/{id}/factor-reset/withdraw")
async def withdraw_reset(visit: Staff, id: UUID, request: Request) -> Response:
    reset = uuid_in(await form_of(request), "reset")
    try:
        await visit.doors[Identity].withdraw_factor_reset(visit.ctx, id=reset)
    except Conflict as problem:
        return await _one(visit, id, Form({}, problem), problem.status)
    visit.flash("It is taken back.")
    return visit.redirect(f"{HERE}/{id}#factor-reset")


async def _one(
    visit: Visit, id: UUID, form: Form, status: int = 200, cursor: str | None = None
) -> Response:
    identity: Identity = visit.doors[Identity]
    people, sessions, tries, resets = await asyncio.gather(
        identity.by_ids(visit.ctx, ids=[id]),
        identity.sessions_of(visit.ctx, person_id=id),
        identity.sign_ins_of(visit.ctx, person_id=id, cursor=cursor or None),
        identity.factor_resets(visit.ctx, person_id=id),
    )
    if not people:
        raise NotFound
    erasure = None
    if visit.ctx.has("staff:settings"):
        erasure = await visit.doors[Privacy].erasure_of(visit.ctx, person_id=id)
    return page(
        visit,
        "person.html",
        HERE,
        status,
        person=people[0],
        sessions=sessions,
        tries=tries.items,
        next=tries.next,
        form=form,
        erasure=erasure,
        resets=resets,
    )
