"""A tour of every page: each is photographed at two widths and checked as it stands.

Pages that links lead to are found by following them, one of each route; what only a form leads to
is reached as a customer would. A route that nobody reached is told at the end.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Page
from starlette.routing import Route

from haat.gateways.web import site_routers
from tests.browser.checks import load_pictures, look
from tests.browser.chromium import Troubles
from tests.browser.stages import Stage

WIDTHS = (390, 1280)
HEIGHT = 900
# A guest's return looks as a customer's does, but needs an order that is on its way already.
NOT_PAGES = (
    "/static/",
    "/media/",
    "/vendor/files/",
    "/admin/files/",
    "/admin/bank-files/",  # needs a market that pays by bank transfer
    "/admin/reconciliation/runs/{id}/differences.csv",
    "/vendor/money/onboarding/",  # leads to a provider's own pages
    "/orders/link/{token}/return",
    # Papers, not pages.
    "/orders/{ref}/receipt.pdf",
    "/orders/{ref}/credit-notes/",
    "/orders/link/{token}/receipt.pdf",
    "/orders/link/{token}/credit-notes/",
    "/admin/orders/{ref}/receipt.pdf",
    "/admin/orders/{ref}/credit-notes/",
    "/vendor/orders/{id}/packing-slip.pdf",
    "/vendor/imports/products.",
    "/vendor/imports/{id}/corrections.csv",
    "/admin/audit/export/",
    "/account/privacy/export/",
    "/search/complete",
    # Leads to other sites, and back from there.
    "/sign-in/with/",
)
# More than one of these is worth a picture: they look different from case to case.
SEVERAL = {
    "/products/{slug}": 3,
    "/orders/{ref}": 2,
    "/vendor/orders/{id}": 3,
    "/vendor/money/earnings/{id}": 2,
    "/admin/returns/{id}": 2,
    "/admin/commission/lists/{id}": 3,
}
LINKS = """() => [...document.links].filter((one) => one.origin === location.origin)
  .map((one) => one.pathname + one.search)"""


def page_routes() -> dict[str, re.Pattern[str]]:
    """Every page there is: route → what its addresses look like."""
    return {
        route.path: route.path_regex
        for router in site_routers()
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
        if not route.path.startswith(NOT_PAGES)
    }


@dataclass
class Tour:
    """Walks one market. `shots` are the pictures made so far, in order."""

    stage: Stage
    folder: Path
    troubles: Troubles
    routes: dict[str, re.Pattern[str]] = field(default_factory=page_routes)
    shots: list[Path] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def site(self) -> str:
        return self.stage.site

    def route_of(self, address: str) -> str | None:
        """The route an address belongs to; fixed ones win over those with a placeholder."""
        path = urlsplit(address).path
        matches = [route for route, regex in self.routes.items() if regex.match(path)]
        return min(matches, key=lambda route: route.count("{"), default=None)

    def unseen(self) -> list[str]:
        return sorted(route for route in self.routes if not self.seen[route])

    async def show(self, page: Page, path: str, name: str, status: int = 200) -> None:
        """Opens a page and photographs it, anew at each width."""
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": HEIGHT})
            self.troubles.at = f"{name} at {width} px"
            with self.troubles.expecting(status):
                answer = await page.goto(self.site + path)
            if answer is not None and answer.status != status:
                self.troubles.add(f"answers {answer.status}, not {status}")
            await self._shoot(page, name, width)
        if status == 200:
            self.seen[self.route_of(page.url) or ""] += 1

    async def snap(self, page: Page, name: str) -> None:
        """Photographs the page that stands there, which only a form leads to."""
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": HEIGHT})
            self.troubles.at = f"{name} at {width} px"
            await self._shoot(page, name, width)
        if page.url.startswith(self.site):
            self.seen[self.route_of(page.url) or ""] += 1

    async def _shoot(self, page: Page, name: str, width: int) -> None:
        await page.wait_for_load_state("load")
        await load_pictures(page)
        for finding in await look(page):
            self.troubles.add(finding)
        path = self.folder / f"{len(self.shots) // len(WIDTHS) + 1:03}-{name}-{width}.png"
        await page.screenshot(path=path, full_page=True)
        self.shots.append(path)

    async def wander(self, page: Page, role: str, start: str) -> None:
        """Follows links from `start`, photographing what nobody has seen yet."""
        waiting, known = [start], {start}
        while waiting:
            path = waiting.pop(0)
            route = self.route_of(path)
            if route is None or self.seen[route] >= SEVERAL.get(route, 1):
                continue
            if not await self._leads_to(page, path, route):
                continue
            name = "-".join([role, *re.findall(r"[a-z]+", route)])
            if self.seen[route]:
                name += f"-{self.seen[route] + 1}"
            await self.show(page, path, name)
            links: list[str] = await page.evaluate(LINKS)
            fresh = [link for link in dict.fromkeys(links) if link not in known]
            known.update(fresh)
            waiting += fresh

    async def _leads_to(self, page: Page, path: str, route: str) -> bool:
        """Whether the address shows its page, and not another that it redirects to."""
        self.troubles.at = path
        await page.goto(self.site + path)
        return self.route_of(page.url) == route
