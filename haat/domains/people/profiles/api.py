"""A person's profile, preferences, consents and addresses."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, NotFound
from haat.kernel.model import Model
from haat.kernel.page import Page
from haat.kernel.personal import AddressText, NameText, PersonName, PhoneText, PostalLine

Line = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(PostalLine)]
Label = Annotated[str, Field(max_length=40)]
INTERESTS_MAX = 30


class Address(Model):
    """A postal address. `country` is an ISO 3166-1 alpha-2 code."""

    name: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(PersonName)]
    line1: Line
    line2: Annotated[AddressText, Field(max_length=120)] = ""
    city: Line
    region: Annotated[str, Field(max_length=80)] = ""
    postal_code: Annotated[AddressText, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    phone: Annotated[PhoneText, Field(max_length=40)] = ""


class AddressesFull(Conflict, code="addresses_full"):
    """There are 50 addresses already; remove one first."""


class CountryUnknown(NotFound, code="country_unknown"):
    """There is no such country."""


class BornWrong(Invalid, code="birth_date_invalid"):
    """Give a day from 1900 until today."""


class SavedAddress(Model):
    """`label` is what its owner calls it: "Home"."""

    id: UUID
    address: Address
    is_default: bool
    label: str = ""


class AddressField(Model):
    """One field of a country's addresses: its name in an address, what it is called there, whether
    it must be given. `choices` (code, name) are all it may be; none where it is free."""

    name: Literal["name", "line1", "line2", "city", "region", "postalCode"]
    label: str
    required: bool
    choices: list[tuple[str, str]] = []


class AddressRules(Model):
    """How addresses of a country are written: its fields in their order on a letter, and postal
    codes that could be some."""

    country: str
    fields: list[AddressField]
    postal_examples: list[str] = []


class Profile(Model):
    """`one_click`: one press buys, with the saved method and the default address. `marketing`: the
    person wants news and offers; a consent says since when."""

    person_id: UUID
    name: NameText
    phone: PhoneText = ""
    one_click: bool = False
    born_on: date | None = None
    avatar_id: UUID | None = None
    marketing: bool = False


class Preferences(Model):
    """How the market is shown to a person. `currency` and `country` "": the market's own.
    `order_mail`: news of orders come by mail too, beside the account's. `interests` are categories,
    shown first; one that is gone is left out where it is shown."""

    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    order_mail: bool = True
    interests: Annotated[list[UUID], Field(max_length=INTERESTS_MAX)] = []


Purpose = Literal["marketing"]


class Consent(Model):
    """What a person said yes or no to, and its proof: the words that were shown, their version, and
    the request it came with. Consents are never changed: the newest counts."""

    id: UUID
    purpose: Purpose
    given: bool
    version: str
    wording: str
    request_id: str
    at: datetime


class Wanted(Model):
    """What a person wants by mail."""

    person_id: UUID
    order_mail: bool
    marketing: bool


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
        born_on: date | None = None,
        forgets_birth: bool = False,
        marketing: bool | None = None,
    ) -> Profile:
        """What is None stays. A change of `marketing` is kept as a consent. BornWrong."""

    @command(scope="person")
    async def set_avatar(self, ctx: Context, *, media_id: UUID | None) -> Profile:
        """An uploaded picture, or none. Invalid where there is no such picture."""

    @query(scope="person")
    async def preferences(self, ctx: Context) -> Preferences: ...

    @command(scope="person")
    async def set_preferences(self, ctx: Context, *, preferences: Preferences) -> Preferences:
        """Replaces all of them; an interest named twice counts once."""

    @query(scope="person")
    async def consents(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Consent]:
        """The actor's own, newest first."""

    @query(scope="internal")
    async def wanted(self, ctx: Context, *, person_ids: list[UUID]) -> list[Wanted]:
        """For those who said anything; who is missing wants news of orders and no marketing."""

    @query()
    async def address_rules(self, ctx: Context, *, country: str) -> AddressRules:
        """CountryUnknown."""

    @query(scope="person")
    async def addresses(self, ctx: Context) -> list[SavedAddress]: ...

    @command(scope="person")
    async def save_address(
        self,
        ctx: Context,
        *,
        id: UUID,
        address: Address,
        is_default: bool = False,
        label: Label | None = None,
    ) -> SavedAddress:
        """Adds or replaces the actor's own address as its country writes it; the first becomes the
        default. `label` None stays. Invalid (`address_invalid`) at each field that is not right."""

    @command(scope="person")
    async def remove_address(self, ctx: Context, *, id: UUID) -> None: ...
