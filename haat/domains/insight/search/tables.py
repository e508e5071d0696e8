"""The index: one row a product, also for those that are gone (their version must not return)."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("search")

listings = Table(
    "listings",
    metadata,
    Column("id", Uuid, primary_key=True),  # the product's
    Column("version", BigInteger, nullable=False),
    Column("card", Text, info=IMPERSONAL),  # the listing as JSON; null: not on sale
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("heading", TSVECTOR, nullable=False),  # the title's words as they stand
    Column("words", TSVECTOR, nullable=False),  # all words, by weight: A title, B brand …, C text
    Column("category_id", Uuid),
    Column("vendor_id", Uuid),
    Column("price_from", BigInteger, nullable=False),  # minor units
    Column("price_to", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
ON_SALE = text("card IS NOT NULL")
Index("ix_listings_words", listings.c.words, postgresql_using="gin", postgresql_where=ON_SALE)
Index("ix_listings_heading", listings.c.heading, postgresql_using="gin", postgresql_where=ON_SALE)
Index(
    "ix_listings_created_at_id",
    listings.c.created_at,
    listings.c.id,
    postgresql_where=ON_SALE,
)
Index(
    "ix_listings_price_from_id",
    listings.c.price_from,
    listings.c.id,
    postgresql_where=ON_SALE,
)
