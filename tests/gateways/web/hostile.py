"""Hostile strings in every text field of the pages' forms: refused beside the field, with what was
typed still in it, or taken and shown as text."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode, urlsplit

import httpx
from starlette.routing import Route

from haat.gateways.web import site_routers
from tests.gateways.web.browser import Browser
from tests.gateways.web.forms import Control, Form, Page, filled, plain

# Leading there ends what the others need, or is no page of ours.
AVOIDED = re.compile(
    r"^/(static|media|api|sign-out|docs|support/leave)|\.(pdf|csv|xlsx|jsonl|png)$|/files/|/page$"
)
# They end the account, the store or the market that the others stand on.
LEFT_OUT = re.compile(
    r"^/account/privacy/erase$|^/vendor/presence/close$|^/admin/people/|^/admin/payout-policy$"
    r"|^/sign-out$|^/account/vendor|^/account/security/password$|^/admin/settings$"
)
# They end what others stand on, but only that: a vendor is suspended, a request decided.
LAST = (
    re.compile(r"^/admin/(requests|products)/|^/admin/payouts/decide$|/cancel$"),
    re.compile(r"^/admin/vendors/\*(/application)?$"),
)
SECRET = re.compile(r"password|token|code|secret|account|iban", re.IGNORECASE)
# What a field is sent with.
WITH = {f"option_{n}": {f"v0_option_{n}": "Red"} for n in (1, 2, 3)}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|H-[0-9]+(?=/|$)")


@dataclass(frozen=True)
class Place:
    """A text field: of which form, on which page."""

    page: str
    route: str
    action: str
    name: str

    def __str__(self) -> str:
        return f"{self.route} → {self.action} {self.name}"


@dataclass
class Walker:
    """One person who goes everywhere that links lead, and fills forms."""

    browser: Browser
    start: tuple[str, ...]
    inside: re.Pattern[str]  # where they go
    more: Mapping[str, str]  # what some fields are filled with here, such as ids
    routes: dict[str, re.Pattern[str]] = field(default_factory=lambda: page_routes())
    pages: dict[str, Page] = field(default_factory=dict)
    is_guest: bool = False  # whoever registers is forgotten again
    spares: dict[str, list[str]] = field(default_factory=dict)  # further pages, by route
    found: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)  # shown afterwards
    taken: set[str] = field(default_factory=set)  # taken, and shown nowhere near
    refused: set[str] = field(default_factory=set)  # beside the field
    elsewhere: dict[str, Counter[str]] = field(default_factory=dict)

    def route_of(self, path: str) -> str | None:
        path = urlsplit(path).path
        matches = [route for route, regex in self.routes.items() if regex.match(path)]
        return min(matches, key=lambda route: route.count("{"), default=None)

    async def walk(self) -> list[Place]:
        """Every page, one or two of each route; the text fields on them."""
        waiting, seen, known = list(self.start), Counter[str](), set(self.start)
        while waiting:
            path = waiting.pop(0)
            route = self.route_of(path)
            if route is None or AVOIDED.search(path) or not self.inside.search(path):
                continue
            if seen[route]:
                self.spares.setdefault(route, []).append(path)
                continue
            page = await self.page(path)
            if page is None:
                continue
            seen[route] += 1
            self.pages[path] = page
            fresh = [link for link in page.own_links() if link not in known]
            known.update(fresh)
            waiting += fresh
        places = [place for path in self.pages for place in self._places(path)]
        return sorted(dict.fromkeys(places), key=_turn)

    def _places(self, path: str) -> list[Place]:
        route = self.route_of(path) or path
        found = []
        for form in self.pages[path].forms:
            action = _action(form)
            if LEFT_OUT.search(action) or (
                form.method == "get" and action != _ID.sub("*", urlsplit(path).path)
            ):
                continue
            found += [
                Place(path, route, action, one.name)
                for one in form.controls
                if one.is_typed and "readonly" not in one.attributes
            ]
        return found

    async def page(self, path: str) -> Page | None:
        answer = await self.browser.http.get(path)
        if answer.status_code >= 500:
            self.found.append(f"GET {path}: {answer.status_code}")
        if answer.status_code != 200 or "html" not in answer.headers["content-type"]:
            return None
        return self.read(answer, path)

    def read(self, answer: httpx.Response, at: str) -> Page:
        page = Page(answer.text, at)
        self.found += [f"{at}: {fault}" for fault in page.faults()]
        return page

    async def fill(self, place: Place, text: str) -> None:
        """Types the text there and sends the form."""
        if self.is_guest:
            self.browser.http.cookies.clear()
        page = await self.page(place.page)
        form = _same(page, place)
        spares = self.spares.get(place.route, [])
        while form is None and spares:  # what it decides is decided: the next of its kind
            place = replace(place, page=spares.pop())
            page = await self.page(place.page)
            form = _same(page, place)
        if form is None:
            self.missed(place, "the form is gone")
            return
        values = filled(form, {**self.more, **WITH.get(place.name, {})})
        values[place.name] = text
        if form.method == "get":
            address = f"{urlsplit(form.action).path}?{urlencode(values, doseq=True)}"
            answer = await self.browser.http.get(address)
        else:
            answer = await self.browser.http.post(form.action, data=values)
        await self._judge(place, text, form, answer)

    async def _judge(self, place: Place, text: str, form: Form, answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            self.found.append(f"{place} {text!r}: {answer.status_code} {answer.text[-300:]}")
            return
        if answer.status_code in (301, 302, 303):
            await self._taken(place, text, answer.headers["location"])
            return
        if "html" not in answer.headers.get("content-type", ""):
            self.missed(place, f"{answer.status_code} without a page")
            return
        page = self.read(answer, place.page)
        again = _same(page, place)
        control = again.control(place.name) if again else None
        if page.shows(text) and (answer.status_code == 200 or form.method == "get"):
            self.kept.add(str(place))
        elif answer.status_code == 200:
            self.taken.add(str(place))
        elif control is None:
            self.missed(place, f"{answer.status_code} {_told(page)}")
        else:
            self._refused(place, text, page, again, control)

    async def _taken(self, place: Place, text: str, target: str) -> None:
        """Went on to another page: it is shown there, or on the page it was typed on."""
        parts = urlsplit(target)
        if parts.netloc and parts.netloc != urlsplit(self.browser.box.address).netloc:
            self.taken.add(str(place))
            return
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        for at in dict.fromkeys((path, place.page)):
            page = await self.page(at)
            if page is not None and page.shows(text):
                self.kept.add(str(place))
                return
        self.taken.add(str(place))

    def _refused(
        self, place: Place, text: str, page: Page, form: Form | None, control: Control
    ) -> None:
        wrong = [one.name for one in (form.controls if form else []) if one.is_wrong]
        secret = control.kind == "password" or SECRET.search(place.name)
        if not secret and plain(control.value) != plain(text):
            self.found.append(f"{place} {text!r}: typed, not kept: {control.value!r}")
        if control.is_wrong:
            told = [page.texts.get(id, "").strip() for id in control.describes]
            if not any(told):
                self.found.append(f"{place} {text!r}: wrong, and nothing says why")
            self.refused.add(str(place))
        elif wrong:
            self.missed(place, f"wrong are {wrong}")
        else:
            self.missed(place, f"nothing is wrong beside a field: {_told(page)}")

    def missed(self, place: Place, why: str) -> None:
        self.elsewhere.setdefault(str(place), Counter())[why] += 1


def page_routes() -> dict[str, re.Pattern[str]]:
    """Every page there is: route → what its addresses look like."""
    return {
        route.path: route.path_regex
        for router in site_routers()
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    }


def _action(form: Form) -> str:
    return _ID.sub("*", urlsplit(form.action).path)


def _turn(place: Place) -> int:
    """What ends more comes later."""
    return next((at for at, ends in enumerate(LAST, 1) if ends.search(place.action)), 0)


def _same(page: Page | None, place: Place) -> Form | None:
    """The form of the place on a page; of several with the action, the one with the field."""
    return next(
        (
            form
            for form in (page.forms if page else ())
            if _action(form) == place.action and form.control(place.name) is not None
        ),
        None,
    )


def _told(page: Page) -> str:
    return " ".join((page.texts.get("problems") or page.texts.get("main", "")).split())[:150]
