"""The network without the network: everything is encoded and decoded, in one process."""

from typing import Any, TypeVar

from haat.engines.rpc import wire
from haat.engines.rpc.door import Call, guarded, marks_of, proxy
from haat.kernel.context import Context
from haat.kernel.contract import Contract, Method, methods_of
from haat.kernel.errors import Problem

C = TypeVar("C", bound=Contract)


def loopback(contract: type[C], service: C, *, caller: str | None) -> C:
    """A proxy that shows what a network would: types JSON cannot carry, error classes that get
    lost, values that change. `caller` is the module that calls, None for a gateway."""
    kind: Any = contract  # mypy does not take a class for hashable
    methods = methods_of(kind)
    calls = {}
    for name, mark in marks_of(contract).items():
        there = guarded(contract.contract_name, name, mark, getattr(service, name), caller)
        here = _through(methods[name], there)
        calls[name] = guarded(contract.contract_name, name, mark, here, caller)
    return proxy(contract, calls, "Loopback", {"caller": caller})


def _through(method: Method, call: Call) -> Call:
    async def through(ctx: Context, **arguments: Any) -> Any:
        body = wire.encode_request(method, arguments)
        headers = wire.encode_context(ctx)
        try:
            there = wire.decode_context(headers, ctx.clock)
            result = await call(there, **wire.decode_request(method, body))
            answer = wire.encode_response(method, result)
        except Problem as problem:
            again = wire.decode_problem(wire.encode_problem(problem))
            assert again is not None, "a problem document is always one"
            raise again from problem
        return wire.decode_response(method, answer)

    return through
