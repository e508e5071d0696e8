"""The index moves out of the database: rows say what it is made from and in which order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Words that shops and their customers use for the same things, to begin with.
GROUPS = (
    "tv|television",
    "laptop|notebook|laptop computer",
    "mobile phone|cell phone|smartphone",
    "smartwatch|smart watch",
    "ssd|solid state drive",
    "hdd|hard disk drive|hard drive",
    "fridge|refrigerator",
    "sofa|couch|settee",
    "trousers|pants",
    "sneakers|trainers|running shoes",
    "flashlight|torch",
    "earphones|earbuds",
    "vacuum cleaner|hoover",
    "jumper|sweater|pullover",
    "diaper|nappy",
    "stroller|pushchair|pram",
    "purse|handbag",
    "luggage|suitcase",
    "t shirt|tee|tshirt",
    "hoodie|hooded sweatshirt",
    "wifi|wireless lan|wlan",
    "usb stick|usb flash drive|thumb drive|pen drive",
    "power bank|portable charger",
    "webcam|web camera",
    "video camera|camcorder",
    "speaker|loudspeaker",
    "mouse pad|mouse mat",
    "extension cord|extension lead|extension cable",
    "cooker|stove",
    "tap|faucet",
    "wrench|spanner",
    "duvet|comforter",
    "eggplant|aubergine|brinjal",
    "শাড়ি|sari|saree",
    "পাঞ্জাবি|panjabi|kurta",
    "মোবাইল|mobile phone",
)


def upgrade() -> None:
    op.add_column(
        "listings",
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        schema="search",
    )
    op.add_column(
        "listings",
        sa.Column("details", postgresql.JSONB(), server_default="{}", nullable=False),
        schema="search",
    )
    op.add_column(
        "listings",
        sa.Column("sold", sa.BigInteger(), server_default="0", nullable=False),
        schema="search",
    )
    op.add_column(
        "listings",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        schema="search",
    )
    # Descriptions were kept as their words alone: those are found until the next change.
    op.execute(
        "UPDATE search.listings SET body = array_to_string(tsvector_to_array(words), ' ')"
        " WHERE card IS NOT NULL"
    )
    for name in ("created_at_id", "heading", "price_from_id", "words"):
        op.drop_index(f"ix_listings_{name}", table_name="listings", schema="search")
    for name in ("title", "heading", "words", "price_from", "price_to", "created_at"):
        op.drop_column("listings", name, schema="search")
    for name in ("seq", "vendor_id", "category_id"):
        op.create_index(f"ix_listings_{name}", "listings", [name], schema="search")
    _make_tables()
    _make_records()


def _make_tables() -> None:
    op.create_table(
        "vendors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("country", sa.Text(), server_default="", nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendors")),
        schema="search",
    )
    op.create_index("ix_vendors_seq", "vendors", ["seq"], schema="search")
    op.create_table(
        "sales",
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor_order_id", "product_id", name=op.f("pk_sales")),
        schema="search",
    )
    op.create_index("ix_sales_sold_at", "sales", ["sold_at"], schema="search")
    synonyms = op.create_table(
        "synonyms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("words", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synonyms")),
        schema="search",
    )
    rows = [{"id": sa.func.gen_random_uuid(), "words": one.split("|")} for one in GROUPS]
    for row in rows:
        op.execute(synonyms.insert().values(**row))


def _make_records() -> None:
    ranking = op.create_table(
        "ranking",
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("popularity", sa.Integer(), nullable=False),
        sa.Column("freshness", sa.Integer(), nullable=False),
        sa.Column("fresh_days", sa.Integer(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_ranking_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_ranking")),
        schema="search",
    )
    first = {"popularity": 100, "freshness": 20, "fresh_days": 60, "edition": 1}
    op.execute(ranking.insert().values(**first))
    op.create_table(
        "history",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("searched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "words", name=op.f("pk_history")),
        schema="search",
    )
    op.create_table(
        "queries",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("searches", sa.BigInteger(), nullable=False),
        sa.Column("empty", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "words", name=op.f("pk_queries")),
        schema="search",
    )


def downgrade() -> None:
    for name in ("queries", "history", "ranking", "synonyms", "sales", "vendors"):
        op.drop_table(name, schema="search")
    op.execute("DELETE FROM search.listings")  # made again from the catalogue's facts
    for name in ("seq", "vendor_id", "category_id"):
        op.drop_index(f"ix_listings_{name}", table_name="listings", schema="search")
    for name in ("body", "details", "sold", "seq"):
        op.drop_column("listings", name, schema="search")
    for name in ("title", "heading", "words"):
        kind = sa.Text() if name == "title" else postgresql.TSVECTOR()
        op.add_column("listings", sa.Column(name, kind, nullable=False), schema="search")
    for name in ("price_from", "price_to"):
        column = sa.Column(name, sa.BigInteger(), nullable=False)
        op.add_column("listings", column, schema="search")
    born = sa.Column("created_at", sa.DateTime(timezone=True), nullable=False)
    op.add_column("listings", born, schema="search")
    on_sale = sa.text("card IS NOT NULL")
    for name, keys in (
        ("created_at_id", ["created_at", "id"]),
        ("price_from_id", ["price_from", "id"]),
    ):
        op.create_index(
            f"ix_listings_{name}", "listings", keys, schema="search", postgresql_where=on_sale
        )
    for name in ("heading", "words"):
        op.create_index(
            f"ix_listings_{name}",
            "listings",
            [name],
            schema="search",
            postgresql_using="gin",
            postgresql_where=on_sale,
        )
