"""The wallet service: one use case a method, grouped in files by what they change."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Destination, Hold, Method, Payments, Refund
from haat.domains.money.wallet.api import (
    FrozenWallet,
    Rate,
    TopUp,
    Wallet,
    WalletBalance,
    WalletEntry,
    WalletFlow,
    Withdrawal,
    WithdrawalDue,
)
from haat.domains.money.wallet.service.buying import Buying
from haat.domains.money.wallet.service.claiming import Claiming
from haat.domains.money.wallet.service.comparing import Comparing
from haat.domains.money.wallet.service.moving import Moving
from haat.domains.money.wallet.service.rating import Rating
from haat.domains.money.wallet.service.tender import Tender
from haat.domains.money.wallet.service.watching import Watching
from haat.domains.money.wallet.service.withdrawing import Withdrawing
from haat.domains.money.wallet.settings import WalletSettings
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["WalletService"]

_MONEY = "vendor:money"


class WalletService(Wallet):
    """Checks whose wallet it is and hands on."""

    def __init__(
        self,
        db: Database,
        market: Market,
        identity: Identity,
        vendors: Vendors,
        ledger: Ledger,
        payments: Payments,
        settings: WalletSettings,
    ) -> None:
        self._market = market
        self._identity = identity
        self._vendors = vendors
        moving = Moving(db, ledger)
        self.moving = moving
        self.rating = Rating(db)
        self.buying = Buying(db, moving, payments)
        self.claiming = Claiming(db, moving, ledger)
        self.withdrawing = Withdrawing(db, moving, payments, settings)
        self._tender = Tender(db, moving)
        self._watching = Watching(db, moving, ledger)
        self._comparing = Comparing(db, ledger)

    async def hold(
        self, ctx: Context, *, id: UUID, reference: UUID, owner_id: UUID, amount: Money
    ) -> Hold:
        return await self._tender.hold(ctx, id, reference, owner_id, amount)

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        return await self._tender.capture(ctx, id)

    async def void(self, ctx: Context, *, id: UUID) -> None:
        await self._tender.void(ctx, id)

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        return await self._tender.refund(ctx, id, refund_id, amount)

    async def spendable(self, ctx: Context, *, owner_id: UUID, currency: str) -> Money:
        return await self._watching.spendable(ctx, owner_id, currency)

    async def balance(self, ctx: Context, *, vendor_id: UUID | None = None) -> WalletBalance:
        owner_id = _owner(ctx, vendor_id)
        return await self._watching.balance(ctx, owner_id, await self._currency(ctx))

    async def statement(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        as_of: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[WalletEntry]:
        return await self._watching.statement(ctx, _owner(ctx, vendor_id), as_of, limit, cursor)

    async def top_up(
        self,
        ctx: Context,
        *,
        id: UUID,
        credits_minor: int,
        method: Method,
        return_url: str = "",
        vendor_id: UUID | None = None,
    ) -> TopUp:
        owner_id, currency = _owner(ctx, vendor_id), await self._currency(ctx)
        return await self.buying.top_up(
            ctx, id, owner_id, credits_minor, currency, method, return_url
        )

    async def topup(self, ctx: Context, *, id: UUID) -> TopUp:
        owners = {ctx.person_id}
        if ctx.vendor_id is not None and ctx.has(_MONEY):
            owners.add(ctx.vendor_id)
        return await self.buying.topup(id, owners)

    async def topups(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[TopUp]:
        return await self.buying.topups(_owner(ctx, vendor_id), limit, cursor)

    async def withdraw(
        self,
        ctx: Context,
        *,
        id: UUID,
        credits_minor: int,
        holder: str,
        account: str,
        vendor_id: UUID | None = None,
    ) -> Withdrawal:
        owner_id, currency = _owner(ctx, vendor_id), await self._currency(ctx)
        to = Destination(holder=holder, account=account)
        return await self.withdrawing.withdraw(ctx, id, owner_id, credits_minor, currency, to)

    async def withdrawals(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Withdrawal]:
        return await self.withdrawing.withdrawals(_owner(ctx, vendor_id), limit, cursor)

    async def decide_withdrawal(
        self, ctx: Context, *, id: UUID, decision: Literal["approve", "reject"], reason: str = ""
    ) -> Withdrawal:
        return await self.withdrawing.decide(ctx, id, decision, reason)

    async def withdrawal_queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Withdrawal]:
        return await self.withdrawing.queue(status, limit, cursor)

    async def withdrawals_due(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[WithdrawalDue]:
        return await self.withdrawing.due(limit, cursor)

    async def settle_withdrawals(
        self, ctx: Context, *, ids: list[UUID], paid: bool, reason: str = ""
    ) -> None:
        await self.withdrawing.settle(ctx, ids, paid, reason.strip())

    async def set_rate(
        self,
        ctx: Context,
        *,
        id: UUID,
        currency: str,
        micro: int,
        valid_from: datetime | None = None,
        note: str = "",
    ) -> Rate:
        return await self.rating.set_rate(ctx, id, currency, micro, valid_from, note.strip())

    async def rates(
        self,
        ctx: Context,
        *,
        currency: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Rate]:
        return await self.rating.rates(currency, limit, cursor)

    async def rate(self, ctx: Context, *, currency: str, at: datetime | None = None) -> Rate:
        return await self.rating.rate(currency, at or ctx.now())

    async def grant(
        self, ctx: Context, *, id: UUID, owner_id: UUID, credits_minor: int, reason: str
    ) -> WalletEntry:
        await self._known(ctx, owner_id)
        return await self._watching.grant(ctx, id, owner_id, credits_minor, reason)

    async def freeze(self, ctx: Context, *, owner_id: UUID, frozen: bool, reason: str) -> None:
        await self._known(ctx, owner_id)
        await self._watching.freeze(ctx, owner_id, frozen, reason)

    async def frozen(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FrozenWallet]:
        return await self._watching.frozen(limit, cursor)

    async def flow(self, ctx: Context, *, days: int = 30) -> WalletFlow:
        return await self._watching.flow(ctx, days, await self._currency(ctx))

    async def reconcile(self, ctx: Context, *, limit: int = 10) -> list[str]:
        return await self._comparing.reconcile(ctx, limit)

    async def _currency(self, ctx: Context) -> str:
        return (await self._market.settings(ctx)).currency

    async def _known(self, ctx: Context, owner_id: UUID) -> None:
        """A mistyped id would be a wallet of nobody."""
        if await self._vendors.by_ids(ctx, ids=[owner_id]):
            return
        if not await self._identity.contacts(ctx, person_ids=[owner_id]):
            raise NotFound("There is no person or vendor with this id.")


def _owner(ctx: Context, vendor_id: UUID | None) -> UUID:
    """Whose wallet is meant: one's own, or that of the vendor one keeps the money of."""
    if vendor_id is None:
        return ctx.person_id
    ctx.need_vendor(vendor_id)
    if not ctx.has(_MONEY):
        raise Forbidden(f"This needs the scope {_MONEY}.", scope=_MONEY)
    return vendor_id
