"""Movements of credits, and what they are for: rates, top-ups, withdrawals, claims.

Balances stand in the ledger alone; here stands why they moved and what they were worth.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("wallet", unwatched="moves claims")


def _minor(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _at(name: str, *, nullable: bool = False) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=nullable)


rates = Table(
    "rates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("micro", BigInteger, nullable=False),
    _at("valid_from"),
    Column("set_by", Uuid),
    Column("note", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("micro BETWEEN 1 AND 1000000000000", name="micro"),
    UniqueConstraint("currency", "valid_from", name="uq_rates_begin"),
    Index("ix_rates_newest", "valid_from", "id"),
)

# A row only where staff or a lost dispute stopped a wallet once.
wallets = Table(
    "wallets",
    metadata,
    Column("owner_id", Uuid, primary_key=True),
    Column("frozen", Boolean, nullable=False),
    Column("reason", Text, nullable=False, info=PERSONAL),
    Column("claim_id", Uuid),  # the claim that froze it; None: staff did
    Column("changed_by", Uuid),
    _at("changed_at"),
    Index("ix_wallets_frozen", "changed_at", postgresql_where=text("frozen")),
)

moves = Table(
    "moves",
    metadata,
    # The id of the hold, refund, top-up, withdrawal, grant or claim; the transfer's follows.
    Column("id", Uuid, primary_key=True),
    Column("transfer_id", Uuid, nullable=False, unique=True),
    Column("owner_id", Uuid),  # None: a hold that was voided before it came
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("parent_id", Uuid),  # of a refund its hold, of a reversal its top-up
    Column("reference", Uuid),
    _minor("credits"),
    Column("currency", Text, info=IMPERSONAL),
    _minor("minor"),
    Column("micro", BigInteger),
    Column("provider", Text, info=IMPERSONAL),
    Column("note", Text, nullable=False, server_default=text("''"), info=PERSONAL),
    Column("made_by", Uuid),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("decline_code", Text, info=IMPERSONAL),
    _minor("refunded_minor"),
    _minor("refunded_credits"),
    _at("created_at"),
    _at("touched_at"),
    _at("decided_at", nullable=True),  # that it is given back
    _at("ended_at", nullable=True),
    CheckConstraint(
        "kind IN ('topup', 'spent', 'refunded', 'withdrawn', 'granted', 'reversed')", name="kind"
    ),
    CheckConstraint(
        "state IN ('asked', 'held', 'posting', 'voiding', 'done', 'undone')", name="state"
    ),
    CheckConstraint("credits >= 0 AND minor >= 0", name="positive"),
    CheckConstraint(
        "refunded_minor BETWEEN 0 AND minor AND refunded_credits BETWEEN 0 AND credits",
        name="refunded",
    ),
    CheckConstraint("(state IN ('done', 'undone')) = (ended_at IS NOT NULL)", name="ended"),
    CheckConstraint("owner_id IS NOT NULL OR state = 'undone'", name="owned"),
    Index(
        "ix_moves_unfinished",
        "touched_at",
        postgresql_where=text("state IN ('posting', 'voiding')"),
    ),
    Index("ix_moves_waiting", "created_at", postgresql_where=text("state IN ('asked', 'held')")),
    Index("ix_moves_done", "ended_at", postgresql_where=text("state = 'done'")),
    Index("ix_moves_declined", "created_at", postgresql_where=text("decline_code IS NOT NULL")),
    Index("ix_moves_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
)

topups = Table(
    "topups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),  # who pays; of a vendor's wallet one of its team
    Column("credits", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("micro", BigInteger, nullable=False),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("return_url", Text, nullable=False, info=IMPERSONAL),
    # open → needs_action | awaiting → paid (the money is there, the ledger is told) → done; failed
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("next_action_url", Text, info=IMPERSONAL),
    Column("decline_code", Text, info=IMPERSONAL),
    Column("instructions", JSONB, info=IMPERSONAL),
    _at("created_at"),
    _at("touched_at"),
    _at("ended_at", nullable=True),
    CheckConstraint("credits > 0 AND minor > 0", name="positive"),
    CheckConstraint(
        "status IN ('open', 'needs_action', 'awaiting', 'paid', 'done', 'failed')", name="status"
    ),
    Index("ix_topups_owner", "owner_id", "created_at", "id"),
    Index(
        "ix_topups_unfinished", "touched_at", postgresql_where=text("status IN ('open', 'paid')")
    ),
    Index("ix_topups_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("credits", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("minor", BigInteger, nullable=False),
    Column("micro", BigInteger, nullable=False),
    Column("holder", Text, nullable=False, info=PERSONAL),
    Column("account", Text, nullable=False, info=PERSONAL),
    # reserving → requested → approved → processing → paid | failed; rejected; refused
    Column("status", Text, nullable=False, info=IMPERSONAL),
    # How it ends is written before the ledger is told, the status after.
    Column("outcome", Text, info=IMPERSONAL),
    Column("provider", Text, info=IMPERSONAL),
    Column("provider_ref", Text, info=IMPERSONAL),
    Column("reason", Text, info=PERSONAL),
    _at("requested_at"),
    _at("decided_at", nullable=True),
    Column("decided_by", Uuid),
    _at("touched_at"),
    _at("ended_at", nullable=True),
    CheckConstraint("credits > 0 AND minor > 0", name="positive"),
    CheckConstraint(
        "status IN ('reserving', 'refused', 'requested', 'approved', 'processing', 'paid',"
        " 'failed', 'rejected')",
        name="status",
    ),
    Index("ix_withdrawals_owner", "owner_id", "requested_at", "id"),
    Index("ix_withdrawals_queue", "requested_at", "id"),
    Index(
        "ix_withdrawals_unfinished",
        "touched_at",
        postgresql_where=text(
            "status IN ('reserving', 'approved', 'processing')"
            " OR (status = 'requested' AND outcome IS NOT NULL)"
        ),
    ),
)

claims = Table(
    "claims",
    metadata,
    Column("id", Uuid, primary_key=True),  # of the dispute, or of the refund at the provider
    Column("topup_id", Uuid, ForeignKey(topups.c.id), nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("credits", BigInteger, nullable=False),  # what should come back from the wallet
    # The provider's last word, and the one that the books and the wallet have followed.
    Column("verdict", Text, nullable=False, info=IMPERSONAL),
    Column("followed", Text, info=IMPERSONAL),
    # The try whose movement took credits back; a try that found too few is followed by another.
    Column("attempt", SmallInteger, nullable=False, server_default=text("0")),
    Column("taken", BigInteger),
    _at("created_at"),
    _at("touched_at"),
    CheckConstraint("minor > 0 AND fee >= 0 AND credits >= 0", name="positive"),
    CheckConstraint("verdict IN ('open', 'won', 'lost', 'refunded')", name="verdict"),
    CheckConstraint("taken BETWEEN 0 AND credits", name="taken"),
    Index("ix_claims_topup", "topup_id"),
    Index(
        "ix_claims_unfinished",
        "touched_at",
        postgresql_where=text("followed IS DISTINCT FROM verdict"),
    ),
)
