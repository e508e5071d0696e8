"""Texts about a person, and secrets, as types: whoever prints one by accident prints its kind.

A value of these types is a `str` like any other, on the wire, in the database and in a mail. Only
its `repr` is masked, and so that of every model, tuple and traceback it stands in; and a log line
given one writes the kind. In a model they are annotations: `email: EmailText`.
"""

from typing import Annotated

from pydantic import AfterValidator


class Personal(str):
    """A text that logs and tracebacks never show."""

    __slots__ = ()
    kind = "personal"

    def __repr__(self) -> str:
        return f"<{self.kind}>" if self else "''"


class EmailAddress(Personal):
    __slots__ = ()
    kind = "e-mail"


class PhoneNumber(Personal):
    __slots__ = ()
    kind = "phone"


class PersonName(Personal):
    __slots__ = ()
    kind = "name"


class PostalLine(Personal):
    """A line of somebody's address."""

    __slots__ = ()
    kind = "address"


class AccountNumber(Personal):
    """An IBAN or another number of a bank account."""

    __slots__ = ()
    kind = "account"


class CardNumber(Personal):
    __slots__ = ()
    kind = "card"


class Token(Personal):
    """What lets its holder in, or pays: tokens, links, codes, passwords."""

    __slots__ = ()
    kind = "token"


EmailText = Annotated[str, AfterValidator(EmailAddress)]
PhoneText = Annotated[str, AfterValidator(PhoneNumber)]
NameText = Annotated[str, AfterValidator(PersonName)]
AddressText = Annotated[str, AfterValidator(PostalLine)]
AccountText = Annotated[str, AfterValidator(AccountNumber)]
TokenText = Annotated[str, AfterValidator(Token)]
