"""Tax classes and rates; the arithmetic of tax on a quote."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.model import Model
from haat.kernel.money import Money


class TaxRate(Model):
    """`rate_bp` basis points of tax on goods of `tax_class` delivered to `country`."""

    tax_class: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    rate_bp: Annotated[int, Field(ge=0, le=10_000)]


class TaxableLine(Model):
    id: UUID
    tax_class: str
    amount: Money


class TaxedLine(Model):
    """`tax` is inside `amount` when prices include tax, else it comes on top."""

    id: UUID
    rate_bp: int
    tax: Money


class Pricing(Contract, name="pricing"):
    @query(scope="internal")
    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        """Tax per line, rounded half up per line; a class without a rate there is untaxed."""

    @query()
    async def rates(self, ctx: Context) -> list[TaxRate]: ...

    @command(scope="staff:settings")
    async def set_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate: ...
