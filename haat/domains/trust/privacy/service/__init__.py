"""Privacy's use cases, by what they are about."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.people.media.api import Media
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.returns.api import Returns
from haat.domains.trust.privacy.api import Privacy, Work
from haat.domains.trust.privacy.service.linking import Linking
from haat.engines.blob import Blob
from haat.engines.mail import Mail
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.settings import Settings


class PrivacyOptions(Settings):
    """`erasure_days`: how long an erasure can be taken back before it begins."""

    erasure_days: Annotated[float, Field(ge=0, le=30)] = 7
    public_url: str = ""  # without it the site is on this machine
    port: Annotated[int, Field(ge=1, le=65_535)] = 4004

    @property
    def site(self) -> str:
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"


class PrivacyService(Linking, Privacy):
    """Requests on one schema; what is done about them is done where the data are."""

    def __init__(
        self,
        db: Database,
        blob: Blob,
        mail: Mail,
        market: Market,
        identity: Identity,
        media: Media,
        orders: Orders,
        returns: Returns,
        vendors: Vendors,
        payouts: Payouts,
        payments: Payments,
        wallet: Wallet,
        options: PrivacyOptions,
    ) -> None:
        self._db = db
        self._blob = blob
        self._mail = mail
        self._market = market
        self._identity = identity
        self._media = media
        self._orders = orders
        self._returns = returns
        self._vendors = vendors
        self._payouts = payouts
        self._payments = payments
        self._wallet = wallet
        self._cooling = timedelta(days=options.erasure_days)
        self._site = options.site

    async def work(self, ctx: Context, *, here: list[str], all_parts: list[str]) -> list[Work]:
        return [
            *await self.erasing_work(ctx, here, all_parts),
            *await self.telling_work(ctx, here, all_parts),
        ]

    async def done(
        self,
        ctx: Context,
        *,
        id: UUID,
        module: str,
        all_parts: list[str],
        content: str | None = None,
    ) -> None:
        if content is None:
            await self._erasure_part(ctx, id, module, all_parts)
        else:
            await self._export_part(ctx, id, module, all_parts, content)
