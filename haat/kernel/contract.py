"""Contracts: the class a module shows to the others is its interface and its wire schema.

    class Inventory(Contract, name="inventory"):
        @command(scope="inventory:reserve")
        async def reserve(self, ctx: Context, *, id: UUID, lines: list[Line]) -> Reservation: ...

Every argument after `ctx` is keyword-only. A proxy stands between caller and callee in every
deployment (`haat.engines.rpc`).
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model
from pydantic.alias_generators import to_camel

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator notes on a contract method."""

    kind: Literal["command", "query"]
    scope: str | None
    timeout_s: float
    repeatable: bool = False  # sent twice, it does what it does once; queries always
    proof: bool = False  # a person must have proved just now who they are
    enrolling: bool = False  # for who sets up the second step that they have to have, as well
    trail: bool = True  # whether the audit notes what a call from outside changes


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a contract, ready for the wire."""

    contract: str
    name: str
    mark: Mark
    request: type[BaseModel]
    response: TypeAdapter[Any]


class Contract:
    """Base of every module's interface. Direct subclasses are contracts; theirs are services."""

    contract_name: ClassVar[str] = ""
    contract_trail: ClassVar[bool] = True

    def __init_subclass__(
        cls, name: str | None = None, trail: bool | None = None, **kwargs: Any
    ) -> None:
        """`trail=False`: what people change through this contract is a purchase's own history, and
        the audit does not note it once more (docs/decisions/0032-audit-by-triggers.md)."""
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.contract_name = name
        if trail is not None:
            cls.contract_trail = trail


def command(
    *,
    scope: str | None = None,
    timeout_s: float = 10,
    repeatable: bool = False,
    proof: bool = False,
    enrolling: bool = False,
    trail: bool = True,
) -> Callable[[F], F]:
    """Marks a method that changes state. `scope` is what a caller from outside must hold.

    `repeatable` says that sending it twice is harmless, as it is for every command with an `id`:
    a lost answer is then asked for again. `proof` asks a person from outside to have proved who
    they are some minutes ago (ProofNeeded). `enrolling`: also who may do nothing else before they
    have a second step (SecondStepFirst) calls it. Without `trail` the audit notes nothing of it.
    """
    return _mark(Mark("command", scope, timeout_s, repeatable, proof, enrolling, trail))


def query(
    *, scope: str | None = None, timeout_s: float = 10, enrolling: bool = False
) -> Callable[[F], F]:
    """Marks a method that only reads. `scope` and `enrolling` are as a command's."""
    return _mark(Mark("query", scope, timeout_s, repeatable=True, enrolling=enrolling))


def _mark(mark: Mark) -> Callable[[F], F]:
    def note(method: F) -> F:
        method.__contract__ = mark  # type: ignore[attr-defined]
        return method

    return note


def contract_of(service: type) -> type[Contract]:
    """The contract a service class fulfils: its ancestor that derives from Contract directly."""
    for ancestor in service.__mro__:
        if Contract in ancestor.__bases__:
            return ancestor
    raise AssertionError(f"{service.__name__} fulfils no contract")


@cache
def methods_of(contract: type[Contract]) -> dict[str, Method]:
    """Every method of a contract by name, with request and response types from its signature."""
    found = {}
    for name, function in parts_of(contract).items():
        mark = getattr(function, "__contract__", None)
        if mark is not None:
            found[name] = _method(contract, name, function, mark)
    return found


def parts_of(contract: type) -> dict[str, Any]:
    """What stands in a contract class and in the classes it is put together from."""
    found: dict[str, Any] = {}
    for part in reversed(contract.__mro__[:-1]):
        found.update(vars(part))
    return found


def _method(
    contract: type[Contract], name: str, function: Callable[..., Any], mark: Mark
) -> Method:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        assert parameter.kind is parameter.KEYWORD_ONLY, f"{contract.__name__}.{name}: keyword only"
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )
    request = create_model(f"{contract.__name__}{name.title()}", __config__=config, **fields)
    return Method(contract.contract_name, name, mark, request, TypeAdapter(hints["return"]))
