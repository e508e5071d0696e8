"""Which proxy stands for a contract: the only file that knows the mode.

A contract whose module is active in this process is that object behind the door; any other is
reached over HTTP. Tests choose *loopback*: the same process, but through the wire's encoding.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, get_type_hints

from haat.engines.http.client import HttpClient
from haat.engines.rpc import local, loopback
from haat.engines.rpc.http import Peer, remote
from haat.kernel.contract import Contract
from haat.kernel.module import Module
from haat.kernel.settings import Settings

Mode = Literal["local", "loopback"]
Doors = dict[type[Contract], Any]


@dataclass(frozen=True, slots=True)
class Peers:
    """How to reach modules of other processes."""

    http: HttpClient
    token: str
    address: Callable[[str], str]  # module name → base URL
    known: dict[str, Peer] = field(default_factory=dict)

    def peer(self, module: str) -> Peer:
        """The process a module is in: modules of one address share what is known of it."""
        url = self.address(module)
        return self.known.setdefault(url, Peer(url))


class Wiring:
    """Builds services in order of need and hands each the proxies it asked for."""

    def __init__(self, mode: Mode, everyone: Iterable[Module], peers: Peers) -> None:
        self._mode = mode
        self._contracts = [module.contract for module in everyone]
        self._peers = peers
        self.services: Doors = {}

    def build(
        self, modules: Iterable[Module], engines: Callable[[Module], Mapping[type, Any]]
    ) -> None:
        """Makes every module's service. A cycle of needs is refused (AssertionError)."""
        by_contract = {module.contract: module for module in modules}
        needs = {
            contract: [need for need in _needs(module.service).values() if need in by_contract]
            for contract, module in by_contract.items()
        }
        try:
            order = list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            names = " → ".join(cls.__name__ for cls in error.args[1])
            raise AssertionError(f"modules need each other in a circle: {names}") from None
        for contract in order:
            module = by_contract[contract]
            self.services[contract] = self._make(module, engines(module))

    def door(self, contract: type[Contract], caller: str | None) -> Any:
        """The proxy of a contract for one caller: a module's name, or None for a gateway."""
        service = self.services.get(contract)
        if service is None:
            peer = self._peers.peer(contract.contract_name)
            return remote(contract, peer, self._peers.http, token=self._peers.token, caller=caller)
        if self._mode == "loopback":
            return loopback(contract, service, caller=caller)
        return local(contract, service, caller=caller)

    def doors(self, caller: str | None) -> Doors:
        """Every contract's proxy for one caller."""
        return {contract: self.door(contract, caller) for contract in self._contracts}

    def _make(self, module: Module, engines: Mapping[type, Any]) -> Any:
        given = {}
        for name, kind in _needs(module.service).items():
            if kind in engines:
                given[name] = engines[kind]
            elif issubclass(kind, Contract):
                given[name] = self.door(kind, module.name)
            elif issubclass(kind, Settings):
                given[name] = kind()
            else:
                raise AssertionError(f"{module.service.__name__} needs an unknown {kind.__name__}")
        return module.service(**given)


def _read(service: Any) -> dict[str, Any]:
    """What a constructor asks for, by name. Parameters with a default stay as they are."""
    constructor = service.__init__
    hints = get_type_hints(constructor)
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    return {p.name: hints[p.name] for p in parameters if p.default is p.empty}


_needs: Callable[[Any], dict[str, Any]] = cache(_read)
