"""The first-run page's work: the operator's account, the logo, and the open market.

Its steps may be sent again: ids derive from the operator's e-mail address, and opening comes last,
so that a page sent twice, or a process that dies between two steps, does no harm.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from haat.app.wiring import Doors
from haat.domains.people.identity.api import EmailTaken, Identity
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from haat.domains.people.media.api import Media
from haat.gateways.web.store.welcome import FirstRun
from haat.kernel.context import SYSTEM, Actor, Context, Trail
from haat.kernel.ids import derive

FirstRunner = Callable[[Context, FirstRun], Awaitable[None]]


def first_runner(inner: Doors) -> FirstRunner:
    """The callable the welcome page uses; `inner` are proxies that act for the system."""

    async def run(ctx: Context, form: FirstRun) -> None:
        if await inner[Market].is_open(ctx):
            raise AlreadyOpened
        system = replace(ctx.as_system(), trail=Trail("first run", SYSTEM, "system"))
        person_id = uuid5(NAMESPACE_URL, f"operator:{form.email.lower()}")
        identity: Identity = inner[Identity]
        try:
            await identity.register(
                system, id=person_id, email=form.email, password=form.password, name=form.name
            )
        except EmailTaken:
            # An earlier try died half-way; the password proves that it was the same person.
            await identity.sign_in(
                system, email=form.email, password=form.password, client="first run", local=True
            )
        await identity.grant_staff(system, person_id=person_id, role="super_admin")
        logo_id = None
        if form.logo:
            logo_id = derive(person_id, "logo")
            owner = Context(actor=Actor("person", person_id), clock=ctx.clock, ids=ctx.ids)
            await inner[Media].upload(owner, id=logo_id, content=form.logo)
        settings = MarketSettings(
            name=form.market_name, currency=form.currency, country=form.country, logo_id=logo_id
        )
        await inner[Market].open(system, settings=settings)

    return run
