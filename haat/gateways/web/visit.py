"""A visit: one request to a page, with who asks, the cart and the session's cookies.

Access and refresh tokens stand in HttpOnly cookies; an access token that has run out is renewed on
the way. Forms are protected against other sites by the browser's own word (`Sec-Fetch-Site`, else
`Origin`), and by SameSite cookies.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import (
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from haat.domains.goods.pricing.api import Viewing
from haat.domains.people.identity.api import Identity, SignedIn
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor
from haat.engines.http import TokenExpired, TokenInvalid, from_this_machine
from haat.engines.http.context import claims_of, context_of
from haat.engines.http.tokens import AccessClaims
from haat.gateways.web.kit.pictures import origin
from haat.gateways.web.pages import render
from haat.kernel.context import ENROL, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Forbidden, Invalid, Problem, SecondStepFirst, Unauthenticated

ACCESS, REFRESH, CART, FLASH = "haat_access", "haat_refresh", "haat_cart", "haat_flash"
CURRENCY, COUNTRY = "haat_currency", "haat_country"
MONTH_S = 30 * 24 * 3600
YEAR_S = 365 * 24 * 3600
UNTRIMMED = frozenset({"password", "old", "new"})  # passwords: their spaces belong to them
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignForm(Forbidden, code="foreign_form"):
    """This form came from another site; open the page here and send it again."""


class Visit:
    """What a page needs: `ctx`, `doors`, the person's claims, the market's settings."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.doors: Mapping[type[Contract], Any] = request.app.state.doors
        self._cookies: dict[str, tuple[str, int] | None] = {}  # None deletes
        self.claims: AccessClaims | None = None
        self.cart_count = self.unread = 0  # shown in the header; store pages fill them in
        self.stores: list[Vendor] = []  # to choose from; the portal's pages fill them in
        self.viewing: Viewing | None = None  # how prices are shown; store pages fill it in
        self.ctx: Context
        self.market: MarketSettings

    async def begin(self) -> None:
        """Reads who it is, renewing the session where its access token has run out."""
        state: dict[str, Any] = self.request.scope.setdefault("state", {})
        state["access_token"] = self.request.cookies.get(ACCESS)
        try:
            self.claims = claims_of(self.request)
        except (TokenExpired, TokenInvalid):
            state["access_token"] = None
        if self.claims is None and REFRESH in self.request.cookies:
            await self._renew(state)
        self.ctx = context_of(self.request)
        self.market = await self.doors[Market].settings(self.ctx)

    async def _renew(self, state: dict[str, Any]) -> None:
        ctx = context_of(self.request)
        try:
            signed_in = await self.doors[Identity].refresh(
                ctx, refresh_token=self.request.cookies[REFRESH]
            )
        except (Unauthenticated, Forbidden) as problem:
            self.forget_session()
            if problem.code == "session_over":
                self.flash(problem.detail)
            return
        self.keep_session(signed_in)
        state["access_token"] = signed_in.access_token
        self.claims = claims_of(self.request)

    # -- who -----------------------------------------------------------------------------------

    @property
    def signed_in(self) -> bool:
        return self.claims is not None

    @property
    def is_staff(self) -> bool:
        return "staff" in self.ctx.scopes

    @property
    def vendor_id(self) -> UUID | None:
        return self.ctx.vendor_id

    @property
    def cart_id(self) -> UUID | None:
        """The guest's cart; a signed-in person's is found by the person."""
        try:
            return UUID(self.request.cookies[CART])
        except (KeyError, ValueError):
            return None

    @property
    def is_local(self) -> bool:
        """The request comes from this machine, and nobody forwarded it."""
        return from_this_machine(self.request)

    # -- cookies -------------------------------------------------------------------------------

    def keep_session(self, signed_in: SignedIn) -> None:
        self._cookies[ACCESS] = (signed_in.access_token, MONTH_S)
        if signed_in.refresh_token is not None:
            self._cookies[REFRESH] = (signed_in.refresh_token, MONTH_S)

    def enter(self, signed_in: SignedIn) -> None:
        """From here on the visit is this person's."""
        self.keep_session(signed_in)
        self.request.scope.setdefault("state", {})["access_token"] = signed_in.access_token
        self.claims = claims_of(self.request)
        self.ctx = context_of(self.request)

    def enter_support(self, access_token: str) -> None:
        """The next pages are a support session's; one's own session waits behind its refresh
        token."""
        self._cookies[ACCESS] = (access_token, MONTH_S)

    def forget(self, name: str) -> None:
        self._cookies[name] = None

    def forget_session(self) -> None:
        self._cookies[ACCESS] = self._cookies[REFRESH] = None

    def keep_cart(self, cart_id: UUID | None) -> None:
        """Remembers a guest's cart; None forgets it."""
        self._cookies[CART] = (str(cart_id), MONTH_S) if cart_id else None

    def keep_choice(self, name: str, value: str) -> None:
        """Remembers the currency or country that was chosen; '' forgets it."""
        self._cookies[name] = (value, YEAR_S) if value else None

    def keep_for(self, name: str, value: str | None, age_s: int = 600) -> None:
        """Keeps something with the browser for a while; None forgets it."""
        self._cookies[name] = (value, age_s) if value else None

    def flash(self, text: str) -> None:
        """A line shown on the next page."""
        self._cookies[FLASH] = (quote(text[:300]), 60)

    # -- answers -------------------------------------------------------------------------------

    def page(
        self, template: str, status: int = 200, *, forms_to: str = "", **values: Any
    ) -> Response:
        """A page; `visit` and `market` are known to every template. `forms_to` are origins that
        its forms may lead to beside our own, as a payment provider's page."""
        flash = self.request.cookies.get(FLASH)
        if flash:
            self._cookies.setdefault(FLASH, None)
        values |= {"visit": self, "market": self.market, "flash": flash}
        return self._with_cookies(drawn(template, status, forms_to=forms_to, **values))

    def file(self, name: str, media_type: str, content: bytes | AsyncIterator[str]) -> Response:
        """A file to keep; streamed where its content comes piece by piece."""
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if isinstance(content, bytes):
            return self._with_cookies(Response(content, headers=headers, media_type=media_type))
        return self._with_cookies(
            StreamingResponse(content, headers=headers, media_type=media_type)
        )

    def redirect(self, path: str) -> Response:
        """See other: what a form answers when it worked."""
        return self._with_cookies(RedirectResponse(path, 303))

    def moved(self, path: str) -> Response:
        """What stood here stands there for good: for old addresses."""
        return self._with_cookies(RedirectResponse(path, 301))

    def back(self, fallback: str) -> Response:
        """To the page the form stood on, when that is one of ours."""
        return self.redirect(self.came_from(fallback))

    def came_from(self, fallback: str) -> str:
        """The page the form stood on, when that is one of ours."""
        try:
            referer = urlsplit(self.request.headers.get("referer", ""))
        except ValueError:
            return fallback
        if referer.netloc != self.request.headers.get("host"):
            return fallback
        query = f"?{referer.query}" if referer.query else ""
        return safe_path(referer.path + query, fallback)

    def _with_cookies(self, response: Response) -> Response:
        response.headers.setdefault("cache-control", "private, no-store")
        secure = self.request.app.state.site.startswith("https://")
        for name, value in self._cookies.items():
            if value is None:
                response.delete_cookie(name, path="/", secure=secure, samesite="lax")
                continue
            text, age = value
            response.set_cookie(
                name, text, max_age=age, path="/", secure=secure, httponly=True, samesite="lax"
            )
        return response


def drawn(template: str, status: int = 200, *, forms_to: str = "", **values: Any) -> HTMLResponse:
    """A template as an answer. Only scripts that carry this answer's nonce run in it."""
    nonce = secrets.token_urlsafe(16)
    html = render(template, nonce=nonce, **values)
    headers = {"content-security-policy": content_policy(nonce, forms_to)}
    return HTMLResponse(html, status, headers)


def content_policy(nonce: str, forms_to: str = "") -> str:
    """What a page may load and where its forms may lead, redirects included (CSP level 3). Nothing
    inline, neither script nor style."""
    films = f"'self' {origin()}".rstrip()
    return (
        f"default-src 'self'; script-src 'nonce-{nonce}'; style-src 'self'; "
        f"img-src 'self' https: data:; media-src {films}; object-src 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {forms_to}".rstrip()
    )


def safe_path(path: str, fallback: str) -> str:
    """A path on this site, never an address elsewhere ("//evil", "/\\evil")."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else fallback


def check_origin(request: Request) -> None:
    """Raises ForeignForm when a form was sent from another site."""
    if request.method in SAFE:
        return
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        if fetch_site not in ("same-origin", "none"):
            raise ForeignForm
        return
    origin = request.headers.get("origin")
    # What follows the scheme: of an origin there is nothing behind the host.
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ForeignForm


async def _visit(request: Request) -> Visit:
    check_origin(request)
    visit = Visit(request)
    await visit.begin()
    return visit


Visiting = Annotated[Visit, Depends(_visit)]


class SignInFirst(Unauthenticated, code="sign_in_first"):
    """Sign in to see this page."""


async def _person(visit: Visiting) -> Visit:
    if not visit.signed_in:
        raise SignInFirst
    return visit


def _enrolled(visit: Visit) -> None:
    """SecondStepFirst for somebody who might see more with one."""
    if ENROL in visit.ctx.scopes:
        raise SecondStepFirst


async def _team(visit: Visiting) -> Visit:
    if not visit.signed_in:
        raise SignInFirst
    if visit.vendor_id is None:
        _enrolled(visit)
        raise Forbidden("This page is for vendors.", code="no_vendor")
    return visit


async def _staff(visit: Visiting) -> Visit:
    if not visit.signed_in:
        raise SignInFirst
    if not visit.is_staff:
        _enrolled(visit)
        raise Forbidden("This page is for the market's staff.")
    return visit


PersonVisit = Annotated[Visit, Depends(_person)]
TeamVisit = Annotated[Visit, Depends(_team)]
StaffVisit = Annotated[Visit, Depends(_staff)]


async def form_of(request: Request) -> dict[str, str]:
    """A sent form's text fields, trimmed (but for a password, whose spaces belong to it); the last
    value of a name counts. Invalid (`form_malformed`) when it cannot be read."""
    try:
        form = await request.form()
    except (UnicodeError, LookupError):  # a part in a character set that is none
        raise Invalid("This form cannot be read.", code="form_malformed") from None
    return {
        key: value if key in UNTRIMMED else value.strip()
        for key, value in form.items()
        if isinstance(value, str)
    }


def uuid_in(form: Mapping[str, str], name: str) -> UUID:
    """An id from a form; Invalid at its field otherwise."""
    try:
        return UUID(form.get(name, ""))
    except ValueError:
        raise Invalid.at(name, "This is not an id.", "id_invalid") from None


async def html_problem(request: Request, problem: Problem) -> Response | None:
    """A page for a problem, for browsers outside of /api."""
    path = request.url.path
    if path.startswith(("/api/", "/v1/", "/rpc/")):
        return None
    if problem.code == "market_not_opened" and path != "/welcome":
        return RedirectResponse("/welcome", 303)
    if problem.code == "limited":  # nothing is looked up for who asks too often
        return drawn("kit/plain_problem.html", problem.status, problem=problem)
    visit = Visit(request)
    try:
        await visit.begin()
    except Problem:
        return drawn("kit/plain_problem.html", problem.status, problem=problem)
    if problem.code == "sign_in_first" and request.method in SAFE:
        back = path + (f"?{request.url.query}" if request.url.query else "")
        return visit.redirect(f"/sign-in?next={quote(back)}")
    if problem.code == "proof_needed":
        # A form is sent again from its own page: what stood in it is not carried around.
        back = path if request.method in SAFE else visit.came_from("/account")
        return visit.redirect(f"/account/prove?next={quote(back, safe='')}")
    if problem.code == "second_step_first":
        back = path if request.method in SAFE else visit.came_from("/account")
        return visit.redirect(f"/account/second-step?next={quote(back, safe='')}")
    return visit.page("kit/problem.html", problem.status, problem=problem)
