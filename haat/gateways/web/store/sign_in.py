"""Signing in, registering, signing out. A guest's cart comes along."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.people.identity.api import Email, Identity, Password
from haat.domains.trade.cart.api import Cart
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import REFRESH, Visit, Visiting, form_of, safe_path
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()
NEXT_MAX = 500


class SignInForm(Body):
    email: Email
    password: Password


class RegisterForm(SignInForm):
    name: Annotated[str, Field(min_length=1, max_length=120)]


@router.get("/sign-in")
async def sign_in_page(visit: Shopping, next: str = "") -> Response:
    target = where(next)
    return visit.redirect(target) if visit.signed_in else _sign_in_page(visit, Form(), target)


@router.post("/sign-in")
async def sign_in(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    target = where(values.pop("next", ""))
    try:
        wanted = read(SignInForm, values)
        await enter(visit, wanted.email, wanted.password)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return _sign_in_page(visit, Form(values, problem), target, problem.status)
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
        await visit.doors[Identity].register(
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
    visit.flash("Welcome. Your account is made.")
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
    guest_cart = visit.cart_id
    visit.enter(signed_in)
    if guest_cart is None:
        return
    visit.keep_cart(None)
    try:
        await visit.doors[Cart].merge(visit.ctx, guest_cart_id=guest_cart)
    except Problem as problem:
        visit.flash(f"You are signed in, but your cart did not come along: {problem.detail}")


def where(path: str) -> str:
    """Where to go afterwards: a page of ours, not the sign-in page itself."""
    target = safe_path(path, "/") if len(path) <= NEXT_MAX else "/"
    return "/" if target.startswith(("/sign-in", "/sign-out", "/register")) else target


def _sign_in_page(visit: Visit, form: Form, target: str, status: int = 200) -> Response:
    state: Any = visit.request.app.state
    shown = bool(getattr(state, "demo", False)) and visit.is_local
    return visit.page(
        "store/sign_in.html",
        status,
        form=form,
        next=target,
        demo_accounts=list(getattr(state, "demo_accounts", ())) if shown else [],
        demo_password=getattr(state, "demo_password", "") if shown else "",
    )
