"""Tables of the requests schema."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("requests")

requests = Table(
    "requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("barcode", Text, info=IMPERSONAL),
    Column("brand", Text, nullable=False, info=IMPERSONAL),
    Column("category_id", Uuid),
    Column("text", Text, nullable=False, info=IMPERSONAL),
    Column("link", Text, nullable=False, info=IMPERSONAL),
    Column("picture_id", Uuid),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Uuid),
    Column("reason", Text, info=IMPERSONAL),
    Column("product_id", Uuid),
    CheckConstraint(
        "state IN ('open', 'approving', 'approved', 'refused', 'withdrawn')", name="state"
    ),
    CheckConstraint("price_minor > 0", name="price_minor"),
    CheckConstraint("(state = 'approved') = (product_id IS NOT NULL)", name="approved"),
)
Index("ix_requests_own", requests.c.vendor_id, requests.c.created_at, requests.c.id)
Index("ix_requests_queue", requests.c.state, requests.c.created_at, requests.c.id)
Index(
    "ix_requests_barcode",
    requests.c.vendor_id,
    requests.c.barcode,
    unique=True,
    postgresql_where=text("state IN ('open', 'approving')"),
)
