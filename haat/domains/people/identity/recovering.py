"""Passwords that are set anew, and addresses that are proved.

Part of the public file: `api` hands these names on. `Recovering` is a part of its contract.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import command
from haat.kernel.errors import Conflict, Forbidden, Gone, Invalid, Limited
from haat.kernel.events import Event
from haat.kernel.personal import Token

# Spaces at the ends of a password belong to it, also where a form's other fields are trimmed.
Password = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=False),
    AfterValidator(Token),
    Field(repr=False),
]
_Unnamed = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=False),
    AfterValidator(Token),
]
MaybePassword = Annotated[_Unnamed | None, Field(repr=False)]
LinkToken = Annotated[
    str, StringConstraints(min_length=1, max_length=300), AfterValidator(Token), Field(repr=False)
]


class LinkUsed(Gone, code="link_used"):
    """This link has been used, or a newer one replaced it; ask for a new one."""


class EmailUnverified(Forbidden, code="email_unverified"):
    """Confirm your e-mail address first: follow the link that we sent you, or ask for a new one."""


class EmailVerified(Conflict, code="email_verified"):
    """This e-mail address is confirmed already."""


class WrongPassword(Invalid, code="wrong_password"):
    """That is not the password of this account."""


class TooManyLetters(Limited, code="too_many_letters"):
    """You asked for several mails already; look for the last one, or try again later."""


class PasswordChanged(Event, name="user.password_changed", key="person_id"):
    """`by` says how: by its owner who knew the old one, or by a link in a mail."""

    person_id: UUID
    by: str


class PersonVerified(Event, name="user.verified", key="person_id"):
    """The account's e-mail address is its owner's."""

    person_id: UUID


class Recovering:
    """The part of identity's contract that is about passwords and proved addresses."""

    @command(repeatable=True)
    async def ask_reset(self, ctx: Context, *, email: str, origin: str | None = None) -> None:
        """Sends a link that sets a new password, if there is such an account, in the background:
        nothing in the answer, nor its time, says whether there is. TooManyLetters for an origin.
        """

    @command()
    async def reset_password(self, ctx: Context, *, token: LinkToken, password: Password) -> None:
        """Sets the password by a link, once; every session ends, and every other link.

        LinkInvalid, LinkExpired, LinkUsed, PasswordWeak (the link stays good).
        """

    @command(scope="person")
    async def change_password(
        self,
        ctx: Context,
        *,
        old: Password,
        new: Password,
        session_id: UUID | None = None,
        origin: str | None = None,
    ) -> None:
        """The actor's own; all sessions end but `session_id`. WrongPassword (at `old`),
        PasswordWeak, TooManyAttempts."""

    @command(scope="person")
    async def ask_verification(self, ctx: Context) -> None:
        """Sends the actor a link that proves their address. EmailVerified, TooManyLetters."""

    @command()
    async def verify_email(self, ctx: Context, *, token: LinkToken) -> None:
        """Proves the address that the link was sent to; again, it changes nothing.

        LinkInvalid, LinkExpired, and LinkUsed when the account has another address by now.
        """
