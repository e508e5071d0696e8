"""Telephone numbers that are proved by a code in a text message.

Part of the public file: `api` hands these names on. `Phones` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Invalid, Unavailable
from haat.kernel.model import Model

PhoneNumber = Annotated[str, StringConstraints(min_length=1, max_length=40)]
PhoneCode = Annotated[str, StringConstraints(min_length=1, max_length=20), Field(repr=False)]


class PhoneInvalid(Invalid, code="phone_invalid"):
    """This is not a telephone number. Begin with + and the country: +880 1711 123456."""


class TextsAway(Unavailable, code="texts_away"):
    """The text message could not be sent; try again later."""


class Phone(Model):
    """`number` is proved since `verified_at`; `pending` waits for the code that was sent to it,
    until `pending_until`. Both begin with + and the country."""

    number: str | None = None
    verified_at: datetime | None = None
    pending: str | None = None
    pending_until: datetime | None = None


class Phones:
    """The part of identity's contract that is about telephone numbers."""

    @query(scope="person")
    async def phone(self, ctx: Context) -> Phone: ...

    @command(scope="person", timeout_s=15, proof=True)
    async def ask_phone_code(
        self, ctx: Context, *, number: PhoneNumber, origin: str | None = None
    ) -> Phone:
        """Sends a code of six digits, good for ten minutes; a code before it is worth nothing.

        PhoneInvalid (at `number`), TooManyLetters, TextsAway.
        """

    @command(scope="person")
    async def verify_phone(self, ctx: Context, *, code: PhoneCode) -> Phone:
        """The number is the actor's. CodeWrong (at `code`), also after five tries; the code works
        once."""

    @command(scope="person", repeatable=True, proof=True)
    async def forget_phone(self, ctx: Context) -> Phone:
        """Removes the number, and what waits for a code."""
