"""A person's profile and addresses."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model

Line = Annotated[str, Field(min_length=1, max_length=120)]


class Address(Model):
    """A postal address. `country` is an ISO 3166-1 alpha-2 code."""

    name: Line
    line1: Line
    line2: Annotated[str, Field(max_length=120)] = ""
    city: Line
    region: Annotated[str, Field(max_length=80)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    phone: Annotated[str, Field(max_length=40)] = ""


class AddressesFull(Conflict, code="addresses_full"):
    """There are 50 addresses already; remove one first."""


class SavedAddress(Model):
    id: UUID
    address: Address
    is_default: bool


class Profile(Model):
    person_id: UUID
    name: str
    phone: str = ""
    one_click: bool = False  # one press buys, with the saved method and the default address


class Profiles(Contract, name="profiles"):
    @query(scope="person")
    async def profile(self, ctx: Context) -> Profile: ...

    @command(scope="person")
    async def change_profile(
        self,
        ctx: Context,
        *,
        name: str | None = None,
        phone: str | None = None,
        one_click: bool | None = None,
    ) -> Profile: ...

    @query(scope="person")
    async def addresses(self, ctx: Context) -> list[SavedAddress]: ...

    @command(scope="person")
    async def save_address(
        self, ctx: Context, *, id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress:
        """Adds or replaces the actor's own address; the first becomes the default."""

    @command(scope="person")
    async def remove_address(self, ctx: Context, *, id: UUID) -> None: ...
