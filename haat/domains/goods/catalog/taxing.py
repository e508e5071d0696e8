"""Tax classes: how goods are taxed alike. Rates by class and country are pricing's.

Part of the public file: `api` hands these names on. `TaxClasses` is a part of its contract.
"""

from typing import Annotated

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.model import Model

TaxCode = Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]
STANDARD = "standard"  # what a product has that says nothing, and what shipping is taxed by


class TaxClassUnknown(Invalid, code="tax_class_unknown"):
    """There is no such tax class."""


class TaxClassesFull(Conflict, code="tax_classes_full"):
    """There are at most 100 tax classes."""


class TaxClass(Model):
    """An inactive one stays with the products that have it, and is given to no other."""

    code: TaxCode
    name: Annotated[str, Field(min_length=1, max_length=60)]
    position: Annotated[int, Field(ge=0, le=1000)] = 0
    active: bool = True


class TaxClasses:
    """The part of the catalogue's contract that is about tax classes."""

    @query()
    async def tax_classes(self, ctx: Context) -> list[TaxClass]:
        """All of them, by position."""

    @command(scope="staff:settings")
    async def save_tax_class(self, ctx: Context, *, tax_class: TaxClass) -> TaxClass:
        """Adds one, or changes the one with that code. "standard" stays active."""
