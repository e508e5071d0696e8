"""A second step of signing in: codes from an authenticator app, and codes to recover with.

Part of the public file: `api` hands these names on. `Factors` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Gone, Invalid, Unauthenticated
from haat.kernel.events import Event
from haat.kernel.model import Model

# Six digits of an app, or a recovery code; blanks and dashes are for the eye.
Code = Annotated[str, StringConstraints(min_length=6, max_length=60), Field(repr=False)]
MaybeCode = Annotated[
    Annotated[str, StringConstraints(min_length=6, max_length=60)] | None, Field(repr=False)
]
Challenge = Annotated[str, StringConstraints(min_length=1, max_length=2000), Field(repr=False)]


class SecondStepNeeded(Unauthenticated, code="second_step_needed"):
    """The password is right. Now give a code of your authenticator app, or a recovery code.

    `challenge` is what the second step is sent with, for five minutes.
    """


class ChallengeOver(Gone, code="challenge_over"):
    """This took too long, or something changed meanwhile. Sign in again."""


class CodeWrong(Invalid, code="code_wrong"):
    """This code is wrong, too old, or used already. Take the one that the app shows now."""


class FactorPresent(Conflict, code="factor_present"):
    """There is an authenticator app already; remove it first."""


class FactorMissing(Conflict, code="factor_missing"):
    """There is no authenticator app; set one up first."""


class SecondFactors(Model):
    """What a person has for the second step. `required`: without one they may not do all that
    they may do otherwise, by what the market asks of people like them."""

    app_since: datetime | None = None
    recovery_codes_left: int = 0
    required: bool = False


class AppSetup(Model):
    """What an authenticator app is given: as a picture to scan, or to type in. Shown once."""

    secret: Annotated[str, Field(repr=False)]
    uri: Annotated[str, Field(repr=False)]
    qr_svg: Annotated[str, Field(repr=False)]


class RecoveryCodes(Model):
    """Shown once: only what they are compared with is kept."""

    codes: Annotated[list[str], Field(repr=False)]


class FactorChanged(Event, name="user.factor_changed", key="person_id"):
    """`change`: app_added, app_removed, codes_renewed, code_used."""

    person_id: UUID
    change: str


class Factors:
    """The part of identity's contract that is about the second step."""

    @query(scope="person", enrolling=True)
    async def factors(self, ctx: Context) -> SecondFactors: ...

    @command(scope="person", proof=True, enrolling=True)
    async def set_up_app(self, ctx: Context) -> AppSetup:
        """A new secret, which counts from `confirm_app` on. FactorPresent."""

    @command(scope="person", proof=True, enrolling=True)
    async def confirm_app(self, ctx: Context, *, code: Code, session_id: UUID) -> RecoveryCodes:
        """The app works: from now on signing in asks for its codes. CodeWrong, FactorPresent,
        FactorMissing, TooManyAttempts."""

    @command(scope="person", proof=True)
    async def remove_app(self, ctx: Context) -> None:
        """With its recovery codes. FactorMissing."""

    @command(scope="person", proof=True)
    async def renew_recovery_codes(self, ctx: Context) -> RecoveryCodes:
        """Ten new ones; the old ones are void. FactorMissing."""
