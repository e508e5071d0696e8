"""A module's manifest: what the runtime needs to know to start it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from haat.kernel.contract import Contract


@dataclass(frozen=True, slots=True)
class Module:
    """One domain module. `name` is its contract's name, its database schema and its target.

    `service` is the class that fulfils `contract`; its constructor's annotations say what it needs.
    `router` holds its REST resources, `site_router` what it serves at the site's root; `prove`
    re-derives its stored sums (see `haat prove`); `run` goes on for as long as a process reacts.
    """

    name: str
    group: str
    contract: type[Contract]
    service: type[Contract]
    package: str
    tables: Any  # sqlalchemy.MetaData; the kernel does not import SQLAlchemy
    reactions: ModuleType | None = None
    router: Any = None  # fastapi.APIRouter of routes.py
    site_router: Any = None
    prove: Callable[..., Any] | None = None
    personal: Any = None  # haat.engines.sql.personal.Personal: what it has of people
    run: Callable[..., Coroutine[Any, Any, None]] | None = None
