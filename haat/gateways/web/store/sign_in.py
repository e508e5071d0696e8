"""Signing in, registering, signing out. A guest's cart comes along."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, Json

from haat.domains.people.identity.api import (
    Challenge,
    Code,
    Connection,
    Credential,
    Email,
    Identity,
    PasskeyAsked,
    Password,
    Person,
    Sealed,
    SecondStepNeeded,
    SignedIn,
    Way,
)
from haat.domains.people.profiles.api import Profiles
from haat.domains.trade.cart.api import Cart
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.preferring import keep
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import REFRESH, Visit, Visiting, form_of, safe_path
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()
NEXT_MAX = 500
TICKET = "haat_connect"  # of an account elsewhere that waits for this sign-in


class SignInForm(Body):
    email: Email
    password: Password


class CodeForm(Body):
    challenge: Challenge
    code: Code


class RegisterForm(SignInForm):
    name: Annotated[str, Field(min_length=1, max_length=120)]


@router.get("/sign-in")
async def page(visit: Shopping, next: str = "") -> Response:
    target = where(next)
    return visit.redirect(target) if visit.signed_in else await sign_in_page(visit, Form(), target)


@router.post("/sign-in")
async def sign_in(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    target = where(values.pop("next", ""))
    try:
        wanted = read(SignInForm, values)
        await enter(visit, wanted.email, wanted.password)
    except SecondStepNeeded as needed:
        return second_page(visit, Form(), str(needed.data["challenge"]), target)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await sign_in_page(visit, Form(values, problem), target, problem.status)
    return visit.redirect(target)


@router.post("/sign-in/code")
async def second_step(visit: Shopping, request: Request) -> Response:
    """The second step; its page comes after the first, and has no address of its own."""
    values = await form_of(request)
    target = where(values.pop("next", ""))
    try:
        wanted = read(CodeForm, values)
        signed_in = await visit.doors[Identity].finish_sign_in(
            visit.ctx, challenge=wanted.challenge, code=wanted.code
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form({"code": ""}, problem)
        if problem.code == "challenge_over":
            return await sign_in_page(visit, form, target, problem.status)
        challenge = values.get("challenge", "")
        return second_page(visit, form, challenge, target, problem.status)
    await welcome(visit, signed_in)
    return visit.redirect(target)


class PasskeyForm(Body):
    state: Sealed
    credential: Json[Credential]


@router.post("/sign-in/passkey/new")
async def ask_passkey(visit: Visiting, request: Request) -> Response:
    """For the page's script."""
    origin = request.client.host if request.client else None
    asked: PasskeyAsked = await visit.doors[Identity].ask_passkey_sign_in(visit.ctx, origin=origin)
    return JSONResponse(asked.model_dump(mode="json"))


@router.post("/sign-in/passkey")
async def with_passkey(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    target = where(values.pop("next", ""))
    try:
        wanted = read(PasskeyForm, values)
        signed_in = await visit.doors[Identity].sign_in_with_passkey(
            visit.ctx,
            state=wanted.state,
            credential=wanted.credential,
            client=request.headers.get("user-agent", "")[:200],
            local=visit.is_local,
            origin=request.client.host if request.client else None,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await sign_in_page(visit, Form({}, problem), target, problem.status)
    await welcome(visit, signed_in)
    return visit.redirect(target)


@router.get("/register")
async def register_page(visit: Shopping, next: str = "") -> Response:
    target = where(next)
    if visit.signed_in:
        return visit.redirect(target)
    return visit.page("store/register.html", form=Form(), next=target)


@router.post("/register")
async def register(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    target = where(values.pop("next", ""))
    try:
        wanted = read(RegisterForm, values)
        made: Person = await visit.doors[Identity].register(
            visit.ctx,
            id=visit.ctx.new_id(),
            email=wanted.email,
            password=wanted.password,
            name=wanted.name,
        )
        await enter(visit, wanted.email, wanted.password)
    except Problem as problem:
        if problem.status >= 500:
            raise
        at = {"email_taken": "email", "email_invalid": "email", "password_weak": "password"}
        form = Form(values, problem, at)
        return visit.page("store/register.html", problem.status, form=form, next=target)
    more = " We sent you a mail to confirm your address." if made.status == "pending" else ""
    visit.flash(f"Welcome. Your account is made.{more}")
    return visit.redirect(target)


@router.post("/sign-out")
async def sign_out(visit: Visiting, request: Request) -> Response:
    token = request.cookies.get(REFRESH)
    if token:
        await visit.doors[Identity].sign_out(visit.ctx, refresh_token=token)
    visit.forget_session()
    visit.flash("You are signed out.")
    return visit.redirect("/")


async def enter(visit: Visit, email: str, password: str) -> None:
    """Starts a session and takes the guest's cart along; what does not fit stays behind."""
    request = visit.request
    signed_in = await visit.doors[Identity].sign_in(
        visit.ctx,
        email=email,
        password=password,
        client=request.headers.get("user-agent", "")[:200],
        local=visit.is_local,
        origin=request.client.host if request.client else None,
    )
    await welcome(visit, signed_in)


async def welcome(visit: Visit, signed_in: SignedIn) -> None:
    """The visit is this person's from here on, and so is the cart; an account elsewhere that asked
    for this sign-in is connected."""
    guest_cart = visit.cart_id
    ticket = visit.request.cookies.get(TICKET)
    visit.enter(signed_in)
    try:
        keep(visit, await visit.doors[Profiles].preferences(visit.ctx))
    except Problem:
        visit.flash("You are signed in; your preferences could not be read now.")
    if signed_in.others_ended:
        visit.flash(
            "You are signed in on so many devices that the one used longest ago was signed out."
        )
    if ticket:
        await _connect(visit, ticket)
    if guest_cart is None:
        return
    visit.keep_cart(None)
    try:
        await visit.doors[Cart].merge(visit.ctx, guest_cart_id=guest_cart)
    except Problem as problem:
        visit.flash(f"You are signed in, but your cart did not come along: {problem.detail}")


async def _connect(visit: Visit, ticket: str) -> None:
    """Only the account with the ticket's address takes it; to another one it is nothing."""
    visit.keep_for(TICKET, None)
    try:
        made: Connection = await visit.doors[Identity].connect_by_ticket(visit.ctx, ticket=ticket)
    except Problem:
        return
    visit.flash(f"{made.label} is connected. You can sign in there from now on.")


def where(path: str) -> str:
    """Where to go afterwards: a page of ours, not the sign-in page itself."""
    target = safe_path(path, "/") if len(path) <= NEXT_MAX else "/"
    return "/" if target.startswith(("/sign-in", "/sign-out", "/register")) else target


def second_page(
    visit: Visit, form: Form, challenge: str, target: str, status: int = 200
) -> Response:
    return visit.page("store/second_step.html", status, form=form, challenge=challenge, next=target)


async def sign_in_page(visit: Visit, form: Form, target: str, status: int = 200) -> Response:
    state: Any = visit.request.app.state
    ways: list[Way] = await visit.doors[Identity].ways(visit.ctx)
    shown = bool(getattr(state, "demo", False)) and visit.is_local
    return visit.page(
        "store/sign_in.html",
        status,
        form=form,
        next=target,
        ways=ways,
        demo_accounts=list(getattr(state, "demo_accounts", ())) if shown else [],
        demo_password=getattr(state, "demo_password", "") if shown else "",
    )
