"""What credits are worth, and which transfers a movement of credits makes."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from stdnum.iso7064 import mod_97_10

from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.wallet.api import CREDITS, RATE_UNIT
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import MINOR_MAX, digits_of

Kind = Literal["topup", "spent", "refunded", "withdrawn", "granted", "reversed"]
Outcome = Literal["paid", "failed", "rejected"]

# Where a movement stands: asked → held → posting → done, or voiding → undone. Those of ASIDE are
# pending transfers first; the others begin at posting.
ASIDE: frozenset[str] = frozenset({"spent", "withdrawn", "reversed"})
FINAL: frozenset[str] = frozenset({"done", "undone"})

VELOCITY = 5  # top-ups of a wallet in one day
DECLINED = 5  # declined attempts of a wallet in one day
LARGE = 100_000  # 1,000 credits at once
WITHIN = timedelta(hours=72)  # in and out again
OUT_PERCENT = 80

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_ACCOUNT = re.compile(r"[A-Z0-9]{4,34}")


def default_micro(currency: str) -> int:
    """The rate a market begins with: one credit is one unit of its currency."""
    return int(RATE_UNIT * 10 ** digits_of(currency) // 10 ** digits_of(CREDITS))


def credits_for(minor: int, micro: int) -> int:
    """What a price of `minor` costs in minor units of credits: half up, and never nothing."""
    return max(1, (2 * minor * RATE_UNIT + micro) // (2 * micro))


def worth(credits: int, micro: int) -> int:
    """What credits come to in money, half up."""
    return (2 * credits * micro + RATE_UNIT) // (2 * RATE_UNIT)


def price_of(credits: int, micro: int) -> int:
    """`worth` of credits bought or withdrawn, which is more than nothing."""
    minor = worth(credits, micro)
    if minor < 1:
        raise Invalid.at("creditsMinor", "That is worth nothing.", "amount_invalid")
    if minor > MINOR_MAX:
        raise Invalid.at("creditsMinor", "That is too much.", "amount_invalid")
    return minor


def spendable(credits: int, micro: int) -> int:
    """The largest price that these credits pay: max m with credits_for(m) ≤ credits."""
    if credits < 1:
        return 0
    # credits_for(m) ≤ c  ⇔  (2·m·U + micro) / (2·micro) < c + 1  ⇔  2·m·U < (2·c + 1)·micro
    return min(((2 * credits + 1) * micro - 1) // (2 * RATE_UNIT), MINOR_MAX)


def transfer_id(move_id: UUID) -> UUID:
    """The transfer of credits that a movement makes."""
    return derive(move_id, "credits")


def wallet_of(owner_id: UUID) -> Account:
    return Account(kind="wallet", owner=owner_id, currency=CREDITS)


def exchange(currency: str) -> Account:
    return Account(kind="exchange", currency=currency)


def clearing(provider: str, currency: str) -> Account:
    return Account(kind="clearing", owner=provider_id(provider), currency=currency)


@dataclass(frozen=True, slots=True)
class Move:
    """A movement of credits in or out of a wallet, and the money at its other side.

    `credits` and `minor` are positive; the kind says the direction.
    """

    id: UUID
    kind: Kind
    owner_id: UUID
    reference: UUID
    credits: int
    currency: str | None = None
    minor: int = 0
    provider: str | None = None

    def credit_leg(self) -> list[Transfer]:
        """wallet → exchange, pending, for what leaves; exchange → wallet for what comes."""
        if self.credits == 0:
            return []
        codes: dict[Kind, Code] = {
            "topup": Code.CREDITS_ISSUED,
            "refunded": Code.CREDITS_REFUNDED,
            "granted": Code.GRANT,
        }
        leaves = self.kind in ASIDE
        inside, outside = wallet_of(self.owner_id), exchange(CREDITS)
        return [
            Transfer(
                id=transfer_id(self.id),
                debit=inside if leaves else outside,
                credit=outside if leaves else inside,
                minor=self.credits,
                code=codes.get(self.kind, Code.CREDITS_SPENT),
                reference=self.reference,
                pending=leaves,
            )
        ]

    def money_leg(self) -> list[Transfer]:
        """A top-up brings money to the exchange, a withdrawal takes it away. What orders cost and
        give back is posted by payouts, what disputes take by their own steps."""
        if self.kind not in ("topup", "withdrawn") or self.currency is None:
            return []
        assert self.provider is not None, "money moves through a provider"
        at, here = clearing(self.provider, self.currency), exchange(self.currency)
        comes = self.kind == "topup"
        return [
            Transfer(
                id=derive(self.id, "money"),
                debit=at if comes else here,
                credit=here if comes else at,
                minor=self.minor,
                code=Code.TOPUP if comes else Code.WITHDRAWAL,
                reference=self.reference,
            )
        ]


@dataclass(frozen=True, slots=True)
class Claim:
    """A top-up's money that its provider took back: a dispute, or a refund made over there."""

    id: UUID
    topup_id: UUID
    provider: str
    currency: str
    minor: int
    fee: int

    def legs(self, verdict: str) -> list[Transfer]:
        """Every transfer of money up to this verdict; those already posted are found again."""
        at, here = clearing(self.provider, self.currency), exchange(self.currency)
        disputed = at.model_copy(update={"kind": "disputed"})
        if verdict == "refunded":
            return [self._leg("refund", here, at, self.minor, Code.REFUND)]
        found = [self._leg("dispute", disputed, at, self.minor, Code.DISPUTE)]
        if self.fee:
            fees = Account(kind="fees", currency=self.currency)
            found.append(self._leg("fee", fees, at, self.fee, Code.DISPUTE_FEE))
        if verdict == "won":
            found.append(self._leg("won", at, disputed, self.minor, Code.DISPUTE_WON))
        if verdict == "lost":
            found.append(self._leg("lost", here, disputed, self.minor, Code.DISPUTE_LOST))
        return found

    def _leg(self, leg: str, debit: Account, credit: Account, minor: int, code: Code) -> Transfer:
        return Transfer(
            id=derive(self.id, leg),
            debit=debit,
            credit=credit,
            minor=minor,
            code=code,
            reference=self.topup_id,
        )


def masked(account: str) -> str:
    """All but the last four characters hidden, whatever the length."""
    return "•" * max(len(account) - 4, 4) + account[-4:]


def checked_account(account: str) -> str:
    """A bank account without spaces: an IBAN with its check digits right (ISO 13616, remainder 1
    modulo 97), or a local number."""
    plain = account.replace(" ", "").replace("-", "").upper()
    if not _ACCOUNT.fullmatch(plain) or (
        _IBAN.fullmatch(plain) and not mod_97_10.is_valid(plain[4:] + plain[:4])
    ):
        raise Invalid.at("account", "That is not a bank account's number.", "account_invalid")
    return plain
