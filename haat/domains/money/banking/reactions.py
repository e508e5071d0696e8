"""What banking does by itself."""

from haat.domains.money.banking.service import BankingService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=30)
async def tell_rest(service: BankingService, ctx: Context) -> None:
    await service.tell_rest(ctx)
