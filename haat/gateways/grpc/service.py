"""The calls of contracts/ledger.proto, each one call of the ledger's contract."""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import structlog

from haat.domains.money.ledger.api import Ledger
from haat.engines.http import Tokens
from haat.engines.http.context import request_id_of
from haat.gateways.grpc.errors import refuse
from haat.gateways.grpc.translation import (
    account_in,
    balance_out,
    entry_out,
    id_in,
    time_in,
    transfer_in,
)
from haat.gateways.grpc.wire import ledger_pb2 as pb
from haat.kernel.clock import Clock
from haat.kernel.context import Actor, Context
from haat.kernel.errors import Forbidden, Invalid, Problem, Unauthenticated
from haat.kernel.ids import RandomIds
from haat.kernel.page import LIMIT_MAX

Call = grpc.aio.ServicerContext[Any, Any]
SERVICE = "haat.ledger.v1.Ledger"
PROGRAM = Actor("person", UUID("6c656467-6572-5f61-a06c-69656e740000"))  # the holder of the token
SCOPE = frozenset({"staff:ledger"})
DEADLINE_S = 30.0  # of a call that names none, and the longest there is
STREAM_S = 600.0  # a statement's
ITEMS_MAX = 1000

log = structlog.get_logger()


class LedgerDoor:
    """Authenticates a call, gives it a deadline, and translates."""

    def __init__(self, ledger: Ledger, tokens: Tokens, clock: Clock, token: str) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._token = token.encode()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server is given."""
        unary: dict[str, tuple[Callable[[Any, Context], Awaitable[Any]], Any]] = {
            "CreateAccount": (self.create_account, pb.CreateAccountRequest),
            "Post": (self.post, pb.PostRequest),
            "PostPending": (self.post_pending, pb.PostPendingRequest),
            "VoidPending": (self.void_pending, pb.VoidPendingRequest),
            "GetBalance": (self.get_balance, pb.GetBalanceRequest),
        }
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.unary_unary_rpc_method_handler(
                self._one(method),
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, (method, request) in unary.items()
        }
        methods["Statement"] = grpc.unary_stream_rpc_method_handler(
            self._many(self.statement),
            request_deserializer=pb.StatementRequest.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def create_account(
        self, request: pb.CreateAccountRequest, ctx: Context
    ) -> pb.CreateAccountResponse:
        await self._ledger.open_custom(ctx, accounts=[account_in(request.account, "account")])
        return pb.CreateAccountResponse()

    async def post(self, request: pb.PostRequest, ctx: Context) -> pb.PostResponse:
        _bounded(len(request.transfers), "transfers")
        transfers = [transfer_in(one, f"transfers.{n}") for n, one in enumerate(request.transfers)]
        answers = await self._ledger.post_custom(ctx, transfers=transfers)
        known = {"created": pb.PostResponse.CREATED, "exists": pb.PostResponse.EXISTS}
        return pb.PostResponse(outcomes=[known[answer] for answer in answers])

    async def post_pending(
        self, request: pb.PostPendingRequest, ctx: Context
    ) -> pb.PostPendingResponse:
        await self._end(ctx, request.ids, posted=True)
        return pb.PostPendingResponse()

    async def void_pending(
        self, request: pb.VoidPendingRequest, ctx: Context
    ) -> pb.VoidPendingResponse:
        await self._end(ctx, request.ids, posted=False)
        return pb.VoidPendingResponse()

    async def _end(self, ctx: Context, ids: Any, *, posted: bool) -> None:
        _bounded(len(ids), "ids")
        found = [id_in(one, f"ids.{n}") for n, one in enumerate(ids)]
        await self._ledger.end_custom(ctx, ids=found, posted=posted)

    async def get_balance(self, request: pb.GetBalanceRequest, ctx: Context) -> pb.Balance:
        account = account_in(request.account, "account")
        as_of = time_in(request, "as_of")
        [found] = await self._ledger.read_balances(ctx, accounts=[account], as_of=as_of)
        return balance_out(found)

    async def statement(
        self, request: pb.StatementRequest, ctx: Context
    ) -> AsyncIterator[pb.Entry]:
        account = account_in(request.account, "account")
        as_of = time_in(request, "as_of")
        if request.limit < 0:
            raise Invalid.at("limit", "0 for all, or more.", "limit_invalid")
        left, cursor = request.limit or None, None
        while True:
            size = LIMIT_MAX if left is None else min(left, LIMIT_MAX)
            page = await self._ledger.read_statement(
                ctx, account=account, as_of=as_of, limit=size, cursor=cursor
            )
            for entry in page.items:
                yield entry_out(entry)
            cursor = page.next
            left = None if left is None else left - len(page.items)
            if cursor is None or left == 0:
                return

    def _one(
        self, method: Callable[[Any, Context], Awaitable[Any]]
    ) -> Callable[[Any, Call], Awaitable[Any]]:
        async def answer(request: Any, call: Call) -> Any:
            try:
                return await method(request, self._context(call, DEADLINE_S))
            except Problem as problem:
                return await refuse(call, problem)
            except Exception:
                log.exception("grpc_failed", method=method.__name__)
                return await refuse(call, Problem("Something went wrong here."))

        return answer

    def _many(
        self, method: Callable[[Any, Context], AsyncIterator[Any]]
    ) -> Callable[[Any, Call], AsyncIterator[Any]]:
        async def answer(request: Any, call: Call) -> AsyncIterator[Any]:
            try:
                async for message in method(request, self._context(call, STREAM_S)):
                    yield message
            except Problem as problem:
                await refuse(call, problem)
            except Exception:
                log.exception("grpc_failed", method=method.__name__)
                await refuse(call, Problem("Something went wrong here."))

        return answer

    def _context(self, call: Call, longest_s: float) -> Context:
        """Who calls, until when. Raises Unauthenticated, TokenInvalid, TokenExpired."""
        given = dict(call.invocation_metadata() or ())
        actor, scopes = self._caller(str(given.get("authorization", "")))
        request_id = request_id_of(_text(given.get("x-request-id")))
        left = call.time_remaining()
        seconds = longest_s if left is None else max(0.0, min(longest_s, left))
        return Context(
            actor=actor,
            scopes=scopes,
            request_id=request_id,
            correlation_id=request_id_of(_text(given.get("x-correlation-id")) or request_id),
            deadline=self._clock.now() + timedelta(seconds=seconds),
            clock=self._clock,
            ids=RandomIds(self._clock),
        )

    def _caller(self, authorization: str) -> tuple[Actor, frozenset[str]]:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise Unauthenticated("Send 'authorization: Bearer TOKEN' in the metadata.")
        if self._token and hmac.compare_digest(given.strip().encode(), self._token):
            return PROGRAM, SCOPE
        claims = self._tokens.read(given.strip())
        if claims.support:
            raise Forbidden("A support session is not for programs.")
        return Actor("person", claims.person_id), claims.scopes


def _bounded(count: int, path: str) -> None:
    if not 1 <= count <= ITEMS_MAX:
        raise Invalid.at(path, f"1 to {ITEMS_MAX} of them in one call.", "count_invalid")


def _text(value: str | bytes | None) -> str | None:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
