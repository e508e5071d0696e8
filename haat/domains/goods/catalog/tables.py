"""Tables of the catalog schema."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata(
    "catalog",
    unwatched="history ratings shelves slugs vendors category_slugs",
)

# `ancestors` leads from the root to the category itself.
categories = Table(
    "categories",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("parent_id", Uuid, ForeignKey("catalog.categories.id")),
    Column("ancestors", ARRAY(Uuid), nullable=False),
    Column("slug", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("product_count", Integer, nullable=False, server_default=text("0")),
    Column("icon", Text, info=IMPERSONAL),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("template", JSONB, nullable=False, server_default=text("'[]'"), info=IMPERSONAL),
    CheckConstraint("product_count >= 0", name="product_count"),
    CheckConstraint("ancestors[cardinality(ancestors)] = id", name="ancestors"),
)
Index("ix_categories_parent_id", categories.c.parent_id)

# What is still to be added to categories' counts; a timer adds it.
category_changes = Table(
    "category_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("category_id", Uuid, nullable=False),
    Column("n", Integer, nullable=False),
)

# Addresses that led to a category once.
category_slugs = Table(
    "category_slugs",
    metadata,
    Column("slug", Text, primary_key=True, info=IMPERSONAL),
    Column("category_id", Uuid, ForeignKey(categories.c.id), nullable=False),
)
Index("ix_category_slugs_category_id", category_slugs.c.category_id)

# What vendors' events said last.
vendors = Table(
    "vendors",
    metadata,
    Column("vendor_id", Uuid, primary_key=True),
    Column("active", Boolean, nullable=False),
)

# A brand is known by its slug, however it is written; its id follows from that.
brands = Table(
    "brands",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("logo_id", Uuid),
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

# `card` is the product's listing as JSON text: lists hand it on without looking inside.
products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("slug", Text, nullable=False, unique=True, info=IMPERSONAL),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("title_key", Text(collation="C"), nullable=False, info=IMPERSONAL),
    Column("description_html", Text, nullable=False, info=IMPERSONAL),
    Column("category_id", Uuid, ForeignKey(categories.c.id)),
    Column("brand", Text, nullable=False, info=IMPERSONAL),
    Column("tax_class", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, info=IMPERSONAL),
    Column("option_names", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("pictures", JSONB, nullable=False, info=IMPERSONAL),
    Column("price_from", BigInteger, nullable=False),
    Column("card", Text, nullable=False, info=IMPERSONAL),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("listing_version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("merged_into", Uuid, ForeignKey("catalog.products.id")),
    Column("brand_id", Uuid, ForeignKey(brands.c.id)),
    Column("seo", JSONB, nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("specs", JSONB, nullable=False, server_default=text("'{}'"), info=IMPERSONAL),
    Column("kind", Text, nullable=False, server_default=text("'physical'"), info=IMPERSONAL),
    CheckConstraint("kind IN ('physical', 'digital', 'service')", name="kind"),
    CheckConstraint(
        "status IN ('draft', 'pending', 'active', 'rejected', 'archived', 'changes_requested')",
        name="status",
    ),
)
Index("ix_products_own", products.c.vendor_id, products.c.created_at, products.c.id)
Index(
    "ix_products_own_status",
    products.c.vendor_id,
    products.c.status,
    products.c.created_at,
    products.c.id,
)
Index("ix_products_queue", products.c.status, products.c.created_at, products.c.id)
Index("ix_products_category_id", products.c.category_id)
Index("ix_products_brand_id", products.c.brand_id)

variants = Table(
    "variants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
    Column("position", Integer, nullable=False),
    Column("title", Text, nullable=False, info=IMPERSONAL),
    Column("options", JSONB, nullable=False, info=IMPERSONAL),
    Column("barcode", Text, info=IMPERSONAL),
    Column("weight_g", Integer, nullable=False),
    Column("picture", JSONB, info=IMPERSONAL),
    CheckConstraint("weight_g >= 0", name="weight_g"),
)
Index("ix_variants_product_id", variants.c.product_id)
Index("ix_variants_barcode", variants.c.barcode, postgresql_where=variants.c.barcode.isnot(None))

# The constraint is checked at the end of a statement, so that two offers can swap their SKUs.
# `main` offers are written with their product, by its vendor; the others each by itself.
offers = Table(
    "offers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("variant_id", Uuid, ForeignKey(variants.c.id), nullable=False),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
    Column("vendor_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False, info=IMPERSONAL),
    Column("price_minor", BigInteger, nullable=False),
    Column("compare_at_minor", BigInteger),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("status", Text, nullable=False, info=IMPERSONAL),
    Column("condition", Text, nullable=False, server_default=text("'new'"), info=IMPERSONAL),
    Column("handling_days", Integer, nullable=False, server_default=text("1")),
    Column("main", Boolean, nullable=False, server_default=text("true")),
    Column("lowest_before_minor", BigInteger),
    UniqueConstraint("vendor_id", "sku", deferrable=True, initially="IMMEDIATE"),
    CheckConstraint("price_minor > 0", name="price_minor"),
    CheckConstraint("compare_at_minor > 0", name="compare_at_minor"),
    CheckConstraint("status IN ('active', 'paused')", name="status"),
    CheckConstraint(
        "condition IN ('new', 'refurbished', 'used-like-new', 'used-good', 'used-acceptable')",
        name="condition",
    ),
    CheckConstraint("handling_days BETWEEN 0 AND 60", name="handling_days"),
)
Index("ix_offers_variant_id", offers.c.variant_id)
Index("ix_offers_product_id", offers.c.product_id)
Index("ix_offers_main", offers.c.variant_id, unique=True, postgresql_where=offers.c.main)
Index("ix_offers_attached", offers.c.vendor_id, offers.c.id, postgresql_where=~offers.c.main)
# What a vendor sells of a variant in one condition, it sells once.
Index(
    "ix_offers_alike",
    offers.c.variant_id,
    offers.c.vendor_id,
    offers.c.condition,
    unique=True,
    postgresql_where=offers.c.status == "active",
)

# What an offer cost from `at` until its next row. Offers are never deleted, and an import writes a
# row here for each of its own: so there is no foreign key.
prices = Table(
    "prices",
    metadata,
    Column("offer_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("compare_at_minor", BigInteger),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    PrimaryKeyConstraint("offer_id", "at"),
)

# No two of one offer have a part of their time in common: the constraint compares ranges only, so
# half of the offer's id stands there as a range of one number.
scheduled_prices = Table(
    "scheduled_prices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, ForeignKey("catalog.offers.id"), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("compare_at_minor", BigInteger),
    Column("currency", Text, nullable=False, info=IMPERSONAL),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'"), info=IMPERSONAL),
    Column("lowest_before_minor", BigInteger),
    CheckConstraint("price_minor > 0", name="price_minor"),
    CheckConstraint("compare_at_minor > 0", name="compare_at_minor"),
    CheckConstraint("starts_at < ends_at", name="span"),
    CheckConstraint("state IN ('waiting', 'running', 'over')", name="state"),
)
OFFER_RANGE = (
    "int8range(('x' || right(replace(offer_id::text, '-', ''), 16))::bit(64)::bigint,"
    " ('x' || right(replace(offer_id::text, '-', ''), 16))::bit(64)::bigint, '[]')"
)
scheduled_prices.append_constraint(
    ExcludeConstraint(
        (text(OFFER_RANGE), "&&"),
        (text("tstzrange(starts_at, ends_at)"), "&&"),
        name="ex_scheduled_prices_overlap",
        using="gist",
    )
)
Index(
    "ix_scheduled_prices_open",
    scheduled_prices.c.offer_id,
    postgresql_where=scheduled_prices.c.state != "over",
)
Index(
    "ix_scheduled_prices_starts_at",
    scheduled_prices.c.starts_at,
    postgresql_where=scheduled_prices.c.state == "waiting",
)
Index(
    "ix_scheduled_prices_ends_at",
    scheduled_prices.c.ends_at,
    postgresql_where=scheduled_prices.c.state == "running",
)

# What a product's tax class may be; rates by country are pricing's.
tax_classes = Table(
    "tax_classes",
    metadata,
    Column("code", Text, primary_key=True, info=IMPERSONAL),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("position", Integer, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

# Slugs that led to a product once, and where they lead now.
slugs = Table(
    "slugs",
    metadata,
    Column("slug", Text, primary_key=True, info=IMPERSONAL),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
)
Index("ix_slugs_product_id", slugs.c.product_id)

# Every change of a product, by whom: `changes` is {"field": [before, after]}. `vendor_id`: whose
# offer it was, where it was one.
history = Table(
    "history",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_type", Text, nullable=False, info=IMPERSONAL),
    Column("actor_id", Uuid),
    Column("what", Text, nullable=False, info=IMPERSONAL),
    Column("changes", JSONB, nullable=False, info=IMPERSONAL),
    Column("vendor_id", Uuid),
)
Index("ix_history_product_id", history.c.product_id, history.c.seq)

# What customers think of a product, as who keeps their reviews said last; count 0: nobody rated it.
ratings = Table(
    "ratings",
    metadata,
    Column("product_id", Uuid, ForeignKey(products.c.id), primary_key=True),
    Column("value", Integer, nullable=False),  # hundredths of a star
    Column("count", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# What was said about a product while it was looked at.
notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False, info=IMPERSONAL),
    Column("person_id", Uuid),
    Column("external", Boolean, nullable=False),
    Column("text", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint("by IN ('vendor', 'staff')", name="by"),
)
Index("ix_notes_product_id", notes.c.product_id, notes.c.at)

# What is approved without a look.
approval_rules = Table(
    "approval_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid),
    Column("category_id", Uuid, ForeignKey(categories.c.id)),
    Column("price_min", BigInteger),
    Column("price_max", BigInteger),
)

# What listings keep to before they are on sale.
listing_rules = Table(
    "listing_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("category_id", Uuid, ForeignKey(categories.c.id)),
    Column("words", ARRAY(Text), nullable=False, info=IMPERSONAL),
    Column("least", Integer),
    Column("key", Text, info=IMPERSONAL),
    Column("blocking", Boolean, nullable=False),
    Column("message", Text, nullable=False, info=IMPERSONAL),
    CheckConstraint(
        "kind IN ('words', 'pictures', 'text', 'barcode', 'brand', 'spec')", name="kind"
    ),
)

# Who may sell a product (its id) or what has a brand (its name as a slug); no row: everybody.
sale_lists = Table(
    "sale_lists",
    metadata,
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("subject", Text, nullable=False, info=IMPERSONAL),
    Column("vendor_ids", ARRAY(Uuid), nullable=False),
    PrimaryKeyConstraint("kind", "subject"),
    CheckConstraint("kind IN ('product', 'brand')", name="kind"),
)

# Where visible products stand, in the orders they are shown in: one row each for the shelf of all
# goods (the nil id), of every vendor who sells it, of its brand, and of every category from the
# root down to the product's own.
shelves = Table(
    "shelves",
    metadata,
    Column("shelf_id", Uuid, nullable=False),
    Column("product_id", Uuid, ForeignKey(products.c.id), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("price_from", BigInteger, nullable=False),
    Column("title_key", Text(collation="C"), nullable=False, info=IMPERSONAL),
    PrimaryKeyConstraint("shelf_id", "product_id"),
)
Index("ix_shelves_newest", shelves.c.shelf_id, shelves.c.created_at, shelves.c.product_id)
Index("ix_shelves_price", shelves.c.shelf_id, shelves.c.price_from, shelves.c.product_id)
Index("ix_shelves_title", shelves.c.shelf_id, shelves.c.title_key, shelves.c.product_id)
Index("ix_shelves_product_id", shelves.c.product_id)
