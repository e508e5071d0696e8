"""The ledger's gRPC door, driven by a plain client generated from the proto file."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc
from pydantic import SecretStr

from haat.domains.money.ledger.api import Account, Code, Ledger, Transfer
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.engines.http import Tokens
from haat.engines.http.tokens import AccessClaims
from haat.engines.rpc import local
from haat.engines.sql import Database
from haat.gateways.grpc.server import serving
from haat.gateways.grpc.service import LedgerDoor
from haat.gateways.grpc.settings import GrpcSettings
from haat.kernel.clock import SystemClock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.errors import Unavailable
from tests.conftest import DatabaseOf
from tests.gateways.ledger_door.certificates import Certificates

PROTO = Path(__file__).parents[3] / "contracts" / "ledger.proto"
GOOGLES = Path(protoc.__file__).parent / "_proto"
TOKEN = "a-token-of-at-least-thirty-two-characters"
METADATA = (("authorization", f"Bearer {TOKEN}"),)
SECRET = b"s" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """(messages, stubs) made from the proto file as any client would make them."""
    folder = tmp_path_factory.mktemp("client")
    _compile(f"--python_out={folder}", f"--grpc_python_out={folder}")
    # A message type is registered once in a process: here the client takes the server's.
    (folder / "ledger_pb2.py").write_text("from haat.gateways.grpc.wire.ledger_pb2 import *\n")
    sys.path.insert(0, str(folder))
    try:
        yield _imported("ledger_pb2"), _imported("ledger_pb2_grpc")
    finally:
        sys.path.remove(str(folder))
        for name in ("ledger_pb2", "ledger_pb2_grpc"):
            sys.modules.pop(name, None)


def _compile(*outputs: str) -> None:
    arguments = ["protoc", f"-I{PROTO.parent}", f"-I{GOOGLES}", *outputs, str(PROTO)]
    assert protoc.main(arguments) == 0


def _imported(name: str) -> ModuleType:
    return importlib.import_module(name)


class Losing(LedgerService):
    """The real ledger, which now and then dies after it has written, before it has answered."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.every = 0
        self.calls = 0

    async def post_custom(self, ctx: Context, *, transfers: list[Transfer]) -> Any:
        answers = await super().post_custom(ctx, transfers=transfers)
        self.calls += 1
        if self.every and self.calls % self.every == 0:
            raise Unavailable("Died before it answered.")
        return answers


@asynccontextmanager
async def door(ledger: LedgerService, **settings: Any) -> AsyncIterator[int]:
    clock = SystemClock()
    tokens = Tokens(SECRET, clock)
    proxy = local(Ledger, ledger, caller=None)
    given = GrpcSettings(grpc_token=SecretStr(TOKEN), **settings)
    async with serving(LedgerDoor(proxy, tokens, clock, TOKEN), given) as port:
        yield port


@pytest.fixture
async def ledger(database_of: DatabaseOf) -> Losing:
    return Losing(await database_of("ledger"))


@pytest.fixture
async def stub(ledger: Losing, made: tuple[Any, Any]) -> AsyncIterator[Any]:
    async with door(ledger) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield made[1].LedgerStub(channel)


def custom(owner: UUID) -> Any:
    from haat.gateways.grpc.wire import ledger_pb2 as pb

    return pb.Account(kind="custom", owner=str(owner), currency="USD")


def transfer(pb: Any, debit: UUID, credit: UUID, minor: int, **more: Any) -> Any:
    fields = {"id": str(uuid4()), "reference": str(uuid4()), **more}
    return pb.Transfer(debit=custom(debit), credit=custom(credit), minor=minor, **fields)


def reason_of(error: grpc.aio.AioRpcError) -> tuple[str, list[str]]:
    """The problem's code and the paths of the fields it names."""
    status = rpc_status.from_call(error)
    reason, fields = "", []
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            assert info.domain == "haat"
            reason = info.reason
        elif detail.Unpack(bad):
            fields = [one.field for one in bad.field_violations]
    return reason, fields


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_ten_thousand_posts_with_retries_double_nothing(
    stub: Any, made: tuple[Any, Any], ledger: Losing, database_of: DatabaseOf
) -> None:
    """Every 50th answer is lost after the write; every client sends again until it has one."""
    pb = made[0]
    ledger.every = 50
    mine, theirs = uuid4(), uuid4()
    sent = 0

    async def client(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            request = pb.PostRequest(transfers=[transfer(pb, mine, theirs, 7)])
            for _ in range(20):
                sent += 1
                try:
                    await stub.Post(request, metadata=METADATA, timeout=30)
                    break
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
            else:
                raise AssertionError("never answered")

    await asyncio.gather(*(client(625) for _ in range(16)))
    assert sent > 10_000
    balance = await stub.GetBalance(
        pb.GetBalanceRequest(account=custom(theirs)), metadata=METADATA, timeout=10
    )
    assert balance.minor == 70_000
    entries = [
        entry
        async for entry in stub.Statement(
            pb.StatementRequest(account=custom(theirs)), metadata=METADATA, timeout=120
        )
    ]
    assert len(entries) == 10_000
    assert sum(entry.minor for entry in entries) == 70_000
    assert await prove(await database_of("ledger")) == []


async def test_all_or_none_and_exists(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    a, b = uuid4(), uuid4()
    await stub.CreateAccount(pb.CreateAccountRequest(account=custom(a)), metadata=METADATA)
    first = transfer(pb, a, b, 10)
    answer = await stub.Post(pb.PostRequest(transfers=[first]), metadata=METADATA)
    assert list(answer.outcomes) == [pb.PostResponse.CREATED]
    answer = await stub.Post(
        pb.PostRequest(transfers=[first, transfer(pb, a, b, 5)]), metadata=METADATA
    )
    assert list(answer.outcomes) == [pb.PostResponse.EXISTS, pb.PostResponse.CREATED]
    other = transfer(pb, a, b, 11, id=first.id)
    error = await refused(
        stub.Post(pb.PostRequest(transfers=[transfer(pb, a, b, 1), other]), metadata=METADATA)
    )
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(error)[0] == "transfer_conflict"
    balance = await stub.GetBalance(pb.GetBalanceRequest(account=custom(b)), metadata=METADATA)
    assert balance.minor == 15


async def test_pending_is_posted_voided_or_expires(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    a, b = uuid4(), uuid4()
    kept, given_up = (transfer(pb, a, b, n, pending=True) for n in (3, 4))
    late = transfer(pb, a, b, 5, pending=True)
    late.expires_at.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    await stub.Post(pb.PostRequest(transfers=[kept, given_up, late]), metadata=METADATA)
    await stub.PostPending(pb.PostPendingRequest(ids=[kept.id]), metadata=METADATA)
    await stub.PostPending(pb.PostPendingRequest(ids=[kept.id]), metadata=METADATA)
    await stub.VoidPending(pb.VoidPendingRequest(ids=[given_up.id]), metadata=METADATA)
    for id in (given_up.id, late.id):
        error = await refused(stub.PostPending(pb.PostPendingRequest(ids=[id]), metadata=METADATA))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert reason_of(error)[0] == "transfer_ended"
    balance = await stub.GetBalance(pb.GetBalanceRequest(account=custom(b)), metadata=METADATA)
    assert balance.minor == 3


async def test_as_of_and_the_length_of_a_statement(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    a, b = uuid4(), uuid4()
    await stub.Post(pb.PostRequest(transfers=[transfer(pb, a, b, 10)]), metadata=METADATA)
    await asyncio.sleep(0.01)
    between = datetime.now(UTC)
    await asyncio.sleep(0.01)
    rest = [transfer(pb, a, b, n) for n in range(1, 251)]
    await stub.Post(pb.PostRequest(transfers=rest), metadata=METADATA)
    request = pb.GetBalanceRequest(account=custom(b))
    request.as_of.FromDatetime(between)
    assert (await stub.GetBalance(request, metadata=METADATA)).minor == 10
    for limit, expected in ((0, 251), (120, 120)):
        asked = pb.StatementRequest(account=custom(b), limit=limit)
        found = [entry async for entry in stub.Statement(asked, metadata=METADATA)]
        assert len(found) == expected


async def test_the_markets_own_accounts_cannot_be_posted_to(
    stub: Any, made: tuple[Any, Any], ledger: Losing
) -> None:
    pb = made[0]
    vendor = uuid4()
    escrow, payable = uuid4(), Account(kind="payable", owner=vendor, currency="USD")
    ctx = Context(actor=SYSTEM)
    await ledger.post(
        ctx,
        transfers=[
            Transfer(
                id=uuid4(),
                debit=Account(kind="suspense", currency="USD"),
                credit=payable,
                minor=99,
                code=Code.CORRECTION,
                reference=escrow,
            )
        ],
    )
    theirs = pb.Account(kind="payable", owner=str(vendor), currency="USD")
    balance = await stub.GetBalance(pb.GetBalanceRequest(account=theirs), metadata=METADATA)
    assert balance.minor == 99
    stolen = transfer(pb, uuid4(), uuid4(), 99)
    stolen.debit.CopyFrom(theirs)
    error = await refused(stub.Post(pb.PostRequest(transfers=[stolen]), metadata=METADATA))
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(error)[0] == "ledger_account_not_yours"


async def test_a_wallet_never_falls_below_zero(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    person, points = uuid4(), uuid4()
    wallet = pb.Account(kind="wallet", owner=str(person), currency="XCR")
    source = pb.Account(kind="custom", owner=str(points), currency="XCR")
    given = pb.Transfer(
        id=str(uuid4()), debit=source, credit=wallet, minor=500, reference=str(uuid4())
    )
    taken = pb.Transfer(
        id=str(uuid4()), debit=wallet, credit=source, minor=501, reference=str(uuid4())
    )
    await stub.Post(pb.PostRequest(transfers=[given]), metadata=METADATA)
    error = await refused(stub.Post(pb.PostRequest(transfers=[taken]), metadata=METADATA))
    assert reason_of(error)[0] == "insufficient_balance"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": "not a uuid"}, "transfers.0.id"),
        ({"minor": 0}, "transfers.0.minor"),
        ({"minor": -5}, "transfers.0.minor"),
        ({"reference": ""}, "transfers.0.reference"),
    ],
)
async def test_bad_input_names_the_field(
    stub: Any, made: tuple[Any, Any], change: dict[str, Any], path: str
) -> None:
    pb = made[0]
    fields = {"id": str(uuid4()), "reference": str(uuid4()), "minor": 1, **change}
    one = pb.Transfer(debit=custom(uuid4()), credit=custom(uuid4()), **fields)
    error = await refused(stub.Post(pb.PostRequest(transfers=[one]), metadata=METADATA))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert path in reason_of(error)[1]


async def test_an_unknown_kind_and_an_empty_call(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    request = pb.GetBalanceRequest(account=pb.Account(kind="treasure", currency="USD"))
    error = await refused(stub.GetBalance(request, metadata=METADATA))
    assert reason_of(error)[1] == ["account.kind"]
    error = await refused(stub.Post(pb.PostRequest(), metadata=METADATA))
    assert reason_of(error)[1] == ["transfers"]


async def test_who_may_call(stub: Any, made: tuple[Any, Any]) -> None:
    pb = made[0]
    request = pb.GetBalanceRequest(account=custom(uuid4()))
    tokens = Tokens(SECRET, SystemClock())

    def staff(*scopes: str) -> str:
        claims = AccessClaims(person_id=uuid4(), session_id=uuid4(), scopes=frozenset(scopes))
        return tokens.issue(claims, timedelta(minutes=5))

    async def code(metadata: Any) -> grpc.StatusCode:
        return (await refused(stub.GetBalance(request, metadata=metadata))).code()

    unauthenticated, denied = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
    assert await code(()) == unauthenticated
    assert await code((("authorization", "Bearer wrong"),)) == unauthenticated
    assert await code((("authorization", f"Bearer {staff('person')}"),)) == denied
    good = (("authorization", f"Bearer {staff('person', 'staff', 'staff:ledger')}"),)
    assert (await stub.GetBalance(request, metadata=good)).minor == 0


async def test_a_call_ends_with_its_deadline(
    ledger: Losing, made: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pb = made[0]
    begun = asyncio.Event()

    async def never(ctx: Context, **_: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(ledger, "read_balances", never)
    async with door(ledger) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = made[1].LedgerStub(channel)
        request = pb.GetBalanceRequest(account=custom(uuid4()))
        error = await refused(stub.GetBalance(request, metadata=METADATA, timeout=1.5))
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert begun.is_set()


async def test_tls_and_client_certificates(
    ledger: Losing, made: tuple[Any, Any], tmp_path: Path
) -> None:
    pb = made[0]
    found = Certificates(tmp_path)
    request = pb.GetBalanceRequest(account=custom(uuid4()))
    settings = {
        "grpc_cert": found.server_cert,
        "grpc_key": found.server_key,
        "grpc_client_ca": found.authority,
    }
    async with door(ledger, **settings) as port:

        async def ask(credentials: grpc.ChannelCredentials | None) -> Any:
            address = f"localhost:{port}"
            if credentials is None:
                channel = grpc.aio.insecure_channel(address)
            else:
                channel = grpc.aio.secure_channel(address, credentials)
            async with channel:
                stub = made[1].LedgerStub(channel)
                return await stub.GetBalance(request, metadata=METADATA, timeout=5)

        root = found.authority.read_bytes()
        mutual = grpc.ssl_channel_credentials(
            root, found.client_key.read_bytes(), found.client_cert.read_bytes()
        )
        assert (await ask(mutual)).minor == 0
        for credentials in (None, grpc.ssl_channel_credentials(root)):
            error = await refused(ask(credentials))
            assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_the_committed_messages_are_the_proto_files(tmp_path: Path) -> None:
    wire = Path(importlib.import_module("haat.gateways.grpc.wire").__path__[0])
    _compile(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}")
    for name in ("ledger_pb2.py", "ledger_pb2.pyi"):
        assert (tmp_path / name).read_text() == (wire / name).read_text(), (
            f"{name} is not what protoc makes of ledger.proto: CONTRIBUTING.md says how to renew it"
        )
