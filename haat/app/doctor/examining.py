"""One examination: joins the market, runs the drills, cleans up, and keeps the report."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from haat.app.doctor import letters, messages, slow, stock, worker
from haat.app.doctor.cards import card_network
from haat.app.doctor.cleaning import clean, left_over
from haat.app.doctor.findings import Broken, Notes, NotRun
from haat.app.doctor.ward import Ward, furnished
from haat.app.runtime import Runtime
from haat.domains.reach.backoffice.api import Backoffice, DoctorReport, Drill, Verdict
from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem

PATIENCE_S = 40.0
BEAT_S = 5.0
CLEANING = "clean_up"
BASIS = "purchase"
Run = Callable[[Ward, Notes], Awaitable[None]]
Told = Callable[[Drill], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A drill there is. `beside`: it mostly waits, so others go on meanwhile."""

    name: str
    title: str
    run: Run
    beside: bool = False


KINDS: tuple[Kind, ...] = (
    Kind(BASIS, "A plain purchase", stock.purchase),
    Kind("poison_message", "Poison message", letters.poison, beside=True),
    Kind("expired_hold", "Expired hold", stock.expired_hold, beside=True),
    Kind("slow_provider", "Slow provider", slow.slow_provider, beside=True),
    Kind("race", "Race for the last units", stock.race),
    Kind("double_webhook", "Double webhook", messages.double),
    Kind("forged_webhook", "Forged webhook", messages.forged),
)
KILLED = ("killed_worker", "Killed worker")
NAMES: tuple[str, ...] = (*(kind.name for kind in KINDS), KILLED[0])
STOCKS: Mapping[str, int] = {
    "plain": 10,
    "race": stock.UNITS,
    "hold": 100,
    "hooks": 10,
    "slow": 10,
    "worker": 100,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. `supervisor` is the market's first process, when its worker may be killed;
    otherwise `spared` says why not. `only` names drills; all when empty."""

    site: str
    only: Collection[str] = ()
    supervisor: int | None = None
    spared: str = ""
    patience_s: float = PATIENCE_S

    def wants(self, name: str) -> bool:
        return not self.only or name in self.only or name == BASIS


class Examination:
    """A report while it is being made."""

    def __init__(self, runtime: Runtime, plan: Plan, told: Told = lambda drill: None) -> None:
        unknown = set(plan.only) - set(NAMES)
        if unknown:
            names = ", ".join(NAMES)
            raise Invalid.at("only", f"There is no drill {min(unknown)!r}; there are {names}.")
        self._runtime = runtime
        self._plan = plan
        self._told = told
        self._office: Backoffice = runtime.inner[Backoffice]
        self._drills: list[Drill] = []
        self._report: DoctorReport | None = None

    async def run(self) -> DoctorReport:
        """The finished report. DoctorAtWork when another one is."""
        id = self._ctx(None).new_id()
        ctx = self._ctx(id)
        self._report = await self._office.begin_report(ctx, id=id, site=self._plan.site)
        beating = asyncio.create_task(self._beat(ctx))
        try:
            async with AsyncExitStack() as stack:
                http = await stack.enter_async_context(HttpClient(retries=2))
                folder = self._runtime.settings.folder
                cards = await stack.enter_async_context(card_network(folder, http, ctx))
                ward = await furnished(
                    self._runtime, http, cards, self._plan.site, id, self._plan.patience_s
                )
                await self._all(ward)
        except (Broken, Problem, TimeoutError) as error:
            self._note(_broken_scene(error))
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
        red = any(drill.verdict == "red" for drill in self._drills)
        return await self._keep(ctx, "red" if red else "green")

    async def _all(self, ward: Ward) -> None:
        try:
            earlier = await left_over(self._runtime, ward.system())
            if earlier:
                await self._drill(ward, CLEANING + "_earlier", "What was left", _after(earlier))
            await ward.open(STOCKS)
            await self._drills_on(ward)
        finally:
            await self._drill(ward, CLEANING, "Clean up, money nets to zero", clean)

    async def _drills_on(self, ward: Ward) -> None:
        """The plain purchase alone; without it the others say nothing."""
        first, *others = [kind for kind in KINDS if self._plan.wants(kind.name)]
        if not await self._drill(ward, first.name, first.title, first.run):
            for kind in others:
                self._skip(kind.name, kind.title, "a plain purchase does not work, see above")
            return
        waiting = {
            kind.name: asyncio.create_task(self._drill(ward, kind.name, kind.title, kind.run))
            for kind in others
            if kind.beside
        }
        try:
            for kind in others:
                if not kind.beside:
                    await self._drill(ward, kind.name, kind.title, kind.run)
            # The worker dies when nobody but the poison message waits for it.
            await _all_of([task for name, task in waiting.items() if name != "poison_message"])
            await self._killed(ward)
            await _all_of(waiting.values())
        finally:
            for task in waiting.values():
                task.cancel()
            await asyncio.gather(*waiting.values(), return_exceptions=True)

    async def _killed(self, ward: Ward) -> None:
        name, title = KILLED
        if not self._plan.wants(name):
            return
        if self._plan.supervisor is None:
            self._skip(name, title, self._plan.spared)
            return
        run = partial(worker.killed_worker, supervisor=self._plan.supervisor)
        await self._drill(ward, name, title, run)

    async def _drill(self, ward: Ward, name: str, title: str, run: Run) -> bool:
        """Runs it and notes how it ended; whether it is green."""
        notes, began = Notes(), time.monotonic()
        verdict: Verdict = "green"
        cause = ""
        try:
            await run(ward, notes)
        except Broken as broken:
            verdict, cause = "red", str(broken)
        except NotRun as reason:
            verdict, cause = "not_run", str(reason)
        except (Problem, TimeoutError) as error:
            verdict, cause = "red", f"the drill could not be finished: {_words(error)}"
        seconds = round(time.monotonic() - began, 2)
        self._note(
            Drill(
                name=name,
                title=title,
                verdict=verdict,
                seconds=seconds,
                evidence=notes.lines,
                cause=cause,
            )
        )
        return verdict == "green"

    def _skip(self, name: str, title: str, why: str) -> None:
        self._note(Drill(name=name, title=title, verdict="not_run", cause=why))

    def _note(self, drill: Drill) -> None:
        self._drills.append(drill)
        self._told(drill)

    # -- the report ----------------------------------------------------------------------------

    async def _beat(self, ctx: Context) -> None:
        """Says that this doctor lives, and how far it is."""
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(Problem):
                await self._keep(ctx, "running")

    async def _keep(self, ctx: Context, verdict: str) -> DoctorReport:
        assert self._report is not None, "begun before"
        finished_at = None if verdict == "running" else ctx.now()
        report = self._report.model_copy(
            update={
                "verdict": verdict,
                "drills": _in_order(self._drills),
                "finished_at": finished_at,
            }
        )
        await self._office.keep_report(ctx, report=report)
        return report

    def _ctx(self, id: UUID | None) -> Context:
        return self._runtime.system_context(f"doctor:{id or 'new'}")


def _after(earlier: str) -> Run:
    async def run(ward: Ward, notes: Notes) -> None:
        notes.saw(earlier)
        await clean(ward, notes)

    return run


async def _all_of(tasks: Collection[asyncio.Task[bool]]) -> None:
    for task in tasks:
        await task


def _in_order(drills: Sequence[Drill]) -> list[Drill]:
    """As they are listed, not as they ended."""
    places = {name: place for place, name in enumerate(NAMES)}
    first, last = CLEANING + "_earlier", len(places)
    return sorted(drills, key=lambda d: -1 if d.name == first else places.get(d.name, last))


def _broken_scene(error: BaseException) -> Drill:
    cause = str(error) if isinstance(error, Broken) else _words(error)
    return Drill(name="scene", title="Setting the scene", verdict="red", cause=cause)


def _words(error: BaseException) -> str:
    if isinstance(error, Problem):
        return f"{error.detail} ({error.code})"
    return str(error) or type(error).__name__
