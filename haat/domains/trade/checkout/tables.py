"""Quotes, and the checkouts made of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("checkout", unwatched="*")

# `document` is the whole quote; it never changes. Not jsonb: it is written and read whole, and
# taking it apart and putting it together again would cost more than the rest of the statement.
quotes = Table(
    "quotes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("document", JSON, nullable=False, info=PERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # For forgetting old ones. They come in the order of their expiry, so a few pages tell it.
    Index("ix_quotes_expires_at", "expires_at", postgresql_using="brin"),
)

# `id` is the quote's, and the order's. `attempt` counts who took it on: only the latest may move
# it. `lease_until`: somebody works on it until then. `due_at`: when the timer looks at it again;
# null when there is nothing left to do.
checkouts = Table(
    "checkouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("provider", Text, nullable=False, info=IMPERSONAL),
    Column("token", Text, info=PERSONAL),  # the provider's name for the card; kept while needed
    Column("saved_id", Uuid),  # a payment method kept at the provider
    Column("save", Boolean, nullable=False, server_default=text("false")),
    Column("credits", BigInteger),  # how much of the total is paid from the person's wallet
    Column("return_url", Text, nullable=False, info=IMPERSONAL),
    Column("order_number", Text, info=IMPERSONAL),
    Column("next_action_url", Text, info=IMPERSONAL),
    Column("decline_code", Text, info=IMPERSONAL),
    Column("instructions", JSONB, info=IMPERSONAL),  # our account, for a bank transfer
    Column("problem", JSONB, info=IMPERSONAL),  # why it was undone, as a problem document
    Column("attempt", Integer, nullable=False),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state IN ('reserving', 'needs_action', 'processing',"
        " 'placed', 'declined', 'expired', 'undone')",
        name="state",
    ),
    CheckConstraint("credits > 0", name="credits"),
    Index("ix_checkouts_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
