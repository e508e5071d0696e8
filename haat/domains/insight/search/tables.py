"""What the index is made from, and what people look for.

`seq` says in which order rows became what they are: whoever makes an index reads on from the last
one it has seen. Changes of one table take a lock before their `seq`, so that none becomes visible
behind a higher one.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, PERSONAL, module_metadata

metadata = module_metadata("search", unwatched="history listings queries sales stock vendors")

# One row a product, also for those that are gone: their version must not return.
listings = Table(
    "listings",
    metadata,
    Column("id", Uuid, primary_key=True),  # the product's
    Column("version", BigInteger, nullable=False),
    Column("card", Text, info=IMPERSONAL),  # the listing as JSON; null: not on sale
    Column("body", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("details", JSONB, nullable=False, server_default="{}", info=IMPERSONAL),
    Column("category_id", Uuid),
    Column("vendor_id", Uuid),
    Column("sold", BigInteger, nullable=False, server_default="0"),
    Column("seq", BigInteger, Identity(), nullable=False),
)
Index("ix_listings_seq", listings.c.seq)
Index("ix_listings_vendor_id", listings.c.vendor_id)
Index("ix_listings_category_id", listings.c.category_id)

vendors = Table(
    "vendors",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("name", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("country", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("is_active", Boolean, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("place", Text, nullable=False, server_default="", info=IMPERSONAL),
    Column("verified", Boolean, nullable=False, server_default="false"),
    Column("rating_value", Integer),  # hundredths of a star; null: nobody has rated
    Column("rating_count", Integer),
    Column("seq", BigInteger, Identity(), nullable=False),
)
Index("ix_vendors_seq", vendors.c.seq)

# Offers that inventory has told of, and whether there is any of them.
stock = Table(
    "stock",
    metadata,
    Column("offer_id", Uuid, primary_key=True),
    Column("in_stock", Boolean, nullable=False),
)

# What was delivered: once for each vendor order, however often it is heard of.
sales = Table(
    "sales",
    metadata,
    Column("vendor_order_id", Uuid, nullable=False),
    Column("product_id", Uuid, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("sold_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("vendor_order_id", "product_id"),
)
Index("ix_sales_sold_at", sales.c.sold_at)
Index("ix_sales_product_id", sales.c.product_id)

# Words that mean the same, kept by staff.
synonyms = Table(
    "synonyms",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("words", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("one_way", Boolean, nullable=False, server_default="false"),  # the first finds the rest
)

# One row: how hits are ranked, and how often staff had the index made anew.
ranking = Table(
    "ranking",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("popularity", Integer, nullable=False),  # thousandths of what the words weigh
    Column("freshness", Integer, nullable=False),
    Column("fresh_days", Integer, nullable=False),
    Column("meaning", Integer, nullable=False, server_default="0"),
    Column("edition", Integer, nullable=False),
    CheckConstraint("is_only", name="is_only"),
)

# What a person looked for, last looked for last.
history = Table(
    "history",
    metadata,
    Column("person_id", Uuid, nullable=False),
    Column("words", Text, nullable=False, info=PERSONAL),
    Column("searched_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("person_id", "words"),
)

# What everybody looked for, by day.
queries = Table(
    "queries",
    metadata,
    Column("day", Date, nullable=False),
    Column("words", Text, nullable=False, info=PERSONAL),
    Column("searches", BigInteger, nullable=False),
    Column("empty", BigInteger, nullable=False),  # of these, how many found nothing
    PrimaryKeyConstraint("day", "words"),
)
