"""What every process of a run is made of, worked out once: processes come and go quickly here."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from haat.engines.blob import Blob
from haat.engines.bus import Route, route_of
from haat.engines.cache import Cache, open_cache
from haat.engines.hands import Hands
from haat.engines.http import Signer, Tokens
from haat.engines.http.client import HttpClient
from haat.engines.http.outward import Outward
from haat.engines.mail import Mail
from haat.engines.search import SearchEngine, open_search
from haat.engines.sms import Sms, open_sms
from haat.kernel.clock import Clock
from haat.kernel.events import Reaction, Timer, noted_in
from haat.kernel.module import Module
from haat.kernel.settings import Settings

if TYPE_CHECKING:
    from haat.app.sim.world import World

_SECRET = b"simulated" * 4
# What has nothing to do with goods and money, or only with the outside.
_IDLE_TIMERS = frozenset(
    "register trim forget_mails forget_quotes sweep tell_head issue_invoices".split()
)


class Parts:
    """Of one world: `engines` without what is a process's own, subscribers by name, timers."""

    def __init__(self, world: "World") -> None:
        self.reactions: dict[str, list[tuple[Module, Reaction]]] = {}
        self.timers: list[tuple[str, Module, Timer]] = []
        for module in world.modules:
            if module.reactions is None:
                continue
            noted = _noted_in(module.reactions)
            for one in noted.reactions:
                name = f"{module.name}.{one.handler.__name__}"
                self.reactions.setdefault(name, []).append((module, one))
            self.timers += [
                (f"{module.name}.{timer.handler.__name__}", module, timer)
                for timer in noted.timers
                if timer.handler.__name__ not in _IDLE_TIMERS
            ]
        self.routes: list[Route] = [
            route_of(name, one) for name, many in self.reactions.items() for _, one in many
        ]
        self.near: frozenset[str] | None = None  # what a relay found out: see QuickRelay
        self.looks: list[str] = []
        self._engines: dict[type, Any] = {
            Clock: world.clock,
            Tokens: Tokens(_SECRET, clock=world.clock),
            Signer: Signer(_SECRET, clock=world.clock),
            HttpClient: world.http,
            Outward: Outward(),
            Blob: world.post,
            Mail: world.post,
            Sms: open_sms("", token="", http=world.http),  # nobody sends any there
            Hands: Hands(),
            Cache: open_cache("none://"),
            SearchEngine: open_search("none://"),
        }

    def engines(self, module: Module) -> Mapping[type, Any]:
        return {**self._engines, **_settings_of(module.service)}


_noted_in = cache(noted_in)


def _read(service: Any) -> Mapping[type, Settings]:
    """What its constructor asks for of them. They are read once: no environment is a run's."""
    kinds = get_type_hints(service.__init__).values()
    chosen = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)]
    return {kind: kind() for kind in chosen}


_settings_of: Callable[[Any], Mapping[type, Settings]] = cache(_read)
