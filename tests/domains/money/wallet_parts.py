"""A small market around the wallet: stand-ins for the modules it calls, and the real ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from haat.domains.money.ledger import proof as ledger_proof
from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.payments.api import (
    Destination,
    Disbursement,
    Hold,
    Method,
    Payments,
    ProviderInfo,
    Purpose,
)
from haat.domains.money.wallet import proof, rules
from haat.domains.money.wallet.service import WalletService
from haat.domains.money.wallet.settings import WalletSettings
from haat.domains.people.identity.api import Contact, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.engines.sql import Database
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import FragileLedger
from tests.domains.trade.order_parts import CLOCK

DatabaseOf = Callable[[str], Awaitable[Database]]

CTX = Context(actor=SYSTEM, clock=CLOCK)
STAFF = Context(
    actor=Actor("person", uuid4()), scopes=frozenset({"person", "staff:money"}), clock=CLOCK
)


class OneMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Haat", currency="USD", country="US")


class Everybody(Identity):
    """Knows these persons."""

    def __init__(self, *known: UUID) -> None:
        self.known = set(known)

    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]:
        return [
            Contact(person_id=id, email="a@example.com", name="A")
            for id in person_ids
            if id in self.known
        ]


class NoVendors(Vendors):
    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return []


@dataclass
class Cashier(Payments):
    """Answers holds and captures as told, the last one again and again; notes what it was asked."""

    holds: list[Hold | type[Exception]] = field(default_factory=list)
    captures: list[str] = field(default_factory=lambda: ["captured"])
    payouts: list[Disbursement | type[Exception]] = field(
        default_factory=lambda: [Disbursement(status="paid", provider_ref="p-1")]
    )
    held: list[tuple[UUID, Money, Method, Purpose]] = field(default_factory=list)
    captured: list[UUID] = field(default_factory=list)
    sent: list[tuple[UUID, Money, Destination, str]] = field(default_factory=list)

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None = None,
        purpose: Purpose = "order",
    ) -> Hold:
        assert reference == id
        assert person_id is not None
        self.held.append((id, amount, method, purpose))
        if not self.holds:
            return Hold(id=id, status="authorized")
        answer = self.holds[0] if len(self.holds) == 1 else self.holds.pop(0)
        if isinstance(answer, Hold):
            return answer.model_copy(update={"id": id})
        raise answer

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        self.captured.append(id)
        answer = self.captures[0] if len(self.captures) == 1 else self.captures.pop(0)
        return Hold.model_validate({"id": id, "status": answer})

    async def providers(self, ctx: Context) -> list[ProviderInfo]:
        return [
            ProviderInfo(name="test", label="Card", kind="card"),
            ProviderInfo(name="bank", label="Bank transfer", kind="bank_transfer", disburses=True),
            ProviderInfo(name="cash", label="Cash", kind="on_delivery"),
        ]

    async def disburse(
        self,
        ctx: Context,
        *,
        id: UUID,
        amount: Money,
        destination: Destination,
        provider: str = "test",
    ) -> Disbursement:
        self.sent.append((id, amount, destination, provider))
        answer = self.payouts[0] if len(self.payouts) == 1 else self.payouts.pop(0)
        if isinstance(answer, Disbursement):
            return answer
        raise answer


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def of(person: UUID) -> Context:
    return Context(actor=Actor("person", person), scopes=frozenset({"person"}), clock=CLOCK)


@dataclass
class World:
    db: Database
    books: Database
    ledger: FragileLedger
    cashier: Cashier
    people: Everybody
    wallet: WalletService

    async def held(self, kind: str, currency: str = "USD", owner: UUID | None = None) -> int:
        account = Account.model_validate({"kind": kind, "owner": owner, "currency": currency})
        [balance] = await self.ledger.balances(CTX, accounts=[account])
        return balance.minor

    async def clearing(self, provider: str = "test") -> int:
        return await self.held("clearing", owner=provider_id(provider))

    async def balance(self, owner: UUID) -> tuple[int, int]:
        found = await self.wallet.balance(of(owner))
        return found.available.minor, found.held.minor

    async def person(self, credits: int = 0) -> UUID:
        id = uuid4()
        self.people.known.add(id)
        if credits:
            await self.wallet.grant(
                STAFF, id=uuid4(), owner_id=id, credits_minor=credits, reason="Welcome"
            )
        return id

    async def holding(self, owner: UUID, minor: int, id: UUID | None = None) -> UUID:
        found = id or uuid4()
        hold = await self.wallet.hold(
            CTX, id=found, reference=found, owner_id=owner, amount=usd(minor)
        )
        assert hold.status == "authorized", hold
        return found

    async def spent_for_orders(self) -> None:
        """What payouts posts for captured and refunded credits, so that the books are whole."""
        rows = await self.db.fetch(
            "SELECT id, kind, reference, minor, currency FROM wallet.moves"
            " WHERE kind IN ('spent', 'refunded') AND state = 'done'"
        )
        escrow = Account(kind="escrow", owner=uuid4(), currency="USD")
        for row in sorted(rows, key=lambda row: str(row["kind"]), reverse=True):
            sides = (rules.exchange("USD"), escrow)
            debit, credit = sides if row["kind"] == "spent" else sides[::-1]
            code = Code.CAPTURE if row["kind"] == "spent" else Code.REFUND
            transfer = Transfer(
                id=uuid4(),
                debit=debit,
                credit=credit,
                minor=row["minor"],
                code=code,
                reference=row["reference"],
            )
            await self.ledger.post(CTX, transfers=[transfer])

    async def proven(self) -> None:
        await self.spent_for_orders()
        assert await proof.prove(self.db, 3) == []
        assert await ledger_proof.prove(self.books, 3) == []
        assert await self.wallet.reconcile(CTX) == []

    async def told(self, name: str) -> int:
        query = "SELECT count(*) FROM wallet.outbox WHERE type = $1"
        return int(await self.db.fetchval(query, name))

    async def resume(self, after: timedelta = timedelta(minutes=1)) -> None:
        CLOCK.advance(after)
        await self.wallet.moving.resume(CTX)
        await self.wallet.buying.resume(CTX)
        await self.wallet.withdrawing.resume(CTX)
        await self.wallet.claiming.resume(CTX)

    def auto(self, minor: int) -> WalletService:
        """The same, paying out up to this amount without staff."""
        settings = WalletSettings(wallet_auto_withdraw_minor=minor)
        return make(self.db, self.people, self.ledger, self.cashier, settings)


def make(
    db: Database,
    people: Everybody,
    ledger: FragileLedger,
    cashier: Cashier,
    settings: WalletSettings,
) -> WalletService:
    return WalletService(db, OneMarket(), people, NoVendors(), ledger, cashier, settings)


async def opened_world(database_of: DatabaseOf, database_url: str) -> World:
    """Empty books, a rate of one credit for a dollar, and the first minute past."""
    await emptied(database_url, "ledger", "wallet")
    db, books = await database_of("wallet"), await database_of("ledger")
    ledger, cashier, people = FragileLedger(books), Cashier(), Everybody()
    service = make(db, people, ledger, cashier, WalletSettings())
    await service.rating.begin(CTX, "USD")
    CLOCK.advance(timedelta(minutes=1))
    return World(db, books, ledger, cashier, people, service)
