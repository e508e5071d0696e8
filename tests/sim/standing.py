"""What a simulated market's history knows: its world, its books, and who takes part."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Literal, TypeVar
from uuid import UUID

from haat.domains.money.commissions.api import Commissions
from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts, Policy
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.sim.books import Books
from tests.sim.world import CATEGORIES, CURRENCY, SEED, World

Tender = Literal["card", "credits", "split", "cod", "bank"]
ADDRESS = Address(name="Ada Low", line1="1 Main St", city="Dhaka", country="BD")
VENDORS = 4
PEOPLE = 3
RETURN_WINDOW = timedelta(days=14)
T = TypeVar("T")
Answer = Literal["paid", "pending", "failed"]
Place = tuple[str, UUID | None, str]  # kind, owner, currency; "owed" is payable and reserve
ACCOUNTS = """
SELECT kind, owner, currency, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits,
       sum(pending_debits)::bigint AS pending_debits
  FROM ledger.accounts GROUP BY 1, 2, 3
"""


def usd(minor: int) -> Money:
    return Money(minor=minor, currency=CURRENCY)


@dataclass
class Standing:
    """`waiting` are orders whose money is not taken yet."""

    world: World
    books: Books = field(default_factory=Books)
    seed: UUID = SEED
    steps: int = 0
    waiting: set[UUID] = field(default_factory=set)
    references: dict[UUID, str] = field(default_factory=dict)  # of awaited bank transfers
    disputed: dict[UUID, str] = field(default_factory=dict)  # order → the network's dispute
    policy: Policy = field(default_factory=Policy)
    credits_refunded: Counter[UUID] = field(default_factory=Counter)  # order → money, minor units
    credits: Counter[UUID] = field(default_factory=Counter)  # by owner, in minor units
    held_credits: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)
    exchanged: int = 0  # money the exchange holds
    bank_balance: int = 0  # what our bank account got, less what left it

    def __post_init__(self) -> None:
        self.vendors = [derive(self.seed, f"vendor {n}") for n in range(VENDORS)]
        self.people = [derive(self.seed, f"person {n}") for n in range(PEOPLE)]
        self.categories = CATEGORIES
        self.settlement: Settlement = self.world.of(Settlement)
        self.payouts: Payouts = self.world.of(Payouts)
        self.payments: Payments = self.world.of(Payments)
        self.wallet: Wallet = self.world.of(Wallet)
        self.order_book: Orders = self.world.of(Orders)
        self.commissions: Commissions = self.world.of(Commissions)

    def new_id(self) -> UUID:
        self.steps += 1
        return derive(self.seed, f"step {self.steps}")

    async def micro(self) -> int:
        return (await self.wallet.rate(self.world.system(), currency=CURRENCY)).micro

    async def again(self, call: Callable[[], Awaitable[T]]) -> T:
        """Sent once more when the answer was lost."""
        try:
            return await call()
        except Unavailable:
            return await call()


def credits_for(minor: int, micro: int) -> int:
    """Credits for money, half up."""
    return max(1, int(Fraction(minor * 1_000_000, micro) + Fraction(1, 2)))


def money_for(credits: int, micro: int) -> int:
    """Money for credits, half up."""
    return int(Fraction(credits * micro, 1_000_000) + Fraction(1, 2))


def part_of(whole: int, part: int, of: int) -> int:
    """Of credits, what so much of their money comes to, half up."""
    return (2 * whole * part + of) // (2 * of)
