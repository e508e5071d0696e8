"""HTTP for modules and gateways: who asks, which door, and problems on the way out.

A module's `routes.py` needs two names:

    async def read(id: UUID, ctx: Ctx, orders: Annotated[Orders, Door(Orders)]) -> Order:
        return await orders.order(ctx, id=id)

The outward client stands in `haat.engines.http.client`.
"""

from haat.engines.http.context import Ctx, Door, context_of, from_this_machine
from haat.engines.http.limits import Limits
from haat.engines.http.problems import (
    MalformedJson,
    MediaTypeUnsupported,
    MethodNotAllowed,
    add_problem_handlers,
    problem_of,
    problem_response,
)
from haat.engines.http.signing import Signer, load_secret
from haat.engines.http.tokens import AccessClaims, SessionEnded, TokenExpired, TokenInvalid, Tokens

__all__ = [
    "AccessClaims",
    "Ctx",
    "Door",
    "Limits",
    "MalformedJson",
    "MediaTypeUnsupported",
    "MethodNotAllowed",
    "SessionEnded",
    "Signer",
    "TokenExpired",
    "TokenInvalid",
    "Tokens",
    "add_problem_handlers",
    "context_of",
    "from_this_machine",
    "load_secret",
    "problem_of",
    "problem_response",
]
