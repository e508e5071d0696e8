"""What receipts and credit notes said when they were first made."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("receipts", unwatched="*")

# `document` never changes. `asked_at`: when it was last asked for by mail.
receipts = Table(
    "receipts",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("total", BigInteger, nullable=False),  # minor units of the document's currency
    Column("document", JSONB, nullable=False, info=PERSONAL),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True)),
)

# `place` counts those of an order.
credit_notes = Table(
    "credit_notes",
    metadata,
    Column("refund_id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey(receipts.c.order_id), nullable=False),
    Column("place", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("document", JSONB, nullable=False, info=PERSONAL),
    Column("made_at", DateTime(timezone=True), nullable=False),
)
Index("ix_credit_notes_of_order", credit_notes.c.order_id, credit_notes.c.place, unique=True)
