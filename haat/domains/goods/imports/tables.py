"""Files that vendors sent, what was left out of them, and how their columns were mapped."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("imports", unwatched="chunks findings")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


# `after_line`: products whose first row stands up to there are in, or in chunks. `round` counts how
# often it was started, after dry runs: findings are a round's.
runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("file_name", Text, nullable=False, info=IMPERSONAL),
    Column("state", Text, nullable=False, info=IMPERSONAL),
    Column("parts", Integer, nullable=False, server_default=text("0")),
    Column("format", Text, info=IMPERSONAL),
    Column("header", JSONB, info=IMPERSONAL),
    Column("mapping", JSONB, info=IMPERSONAL),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    Column("round", Integer, nullable=False, server_default=text("0")),
    Column("after_line", BigInteger, nullable=False, server_default=text("0")),
    _count("rows"),
    _count("rows_done"),
    _count("created"),
    _count("updated"),
    _count("unchanged"),
    _count("refused"),
    _count("noted"),
    Column("correction_parts", Integer, nullable=False, server_default=text("0")),
    Column("failure", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('receiving', 'ready', 'waiting', 'running', 'done', 'stopped', 'failed')",
        name="state",
    ),
    Index("ix_runs_own", "vendor_id", "created_at", "id"),
    Index("ix_runs_due", "started_at", postgresql_where=text("state IN ('waiting', 'running')")),
    Index("ix_runs_created_at", "created_at"),
)

# Rows of a run that wait to be written, or are being written by `holder`. Products whose first row
# stands up to `upto`, behind those of the chunk before it.
chunks = Table(
    "chunks",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.id), nullable=False),
    Column("round", Integer, nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("holder", Uuid),
    Column("until", DateTime(timezone=True)),
    Column("given_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("run_id", "round", "upto"),
)

findings = Table(
    "findings",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.id), nullable=False),
    Column("round", Integer, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),  # among those of its product or line
    Column("key", Text, nullable=False, info=IMPERSONAL),
    Column("column_name", Text, nullable=False, info=IMPERSONAL),
    Column("reason", Text, nullable=False, info=IMPERSONAL),
    Column("refused", Boolean, nullable=False),
    PrimaryKeyConstraint("run_id", "round", "line", "place"),
    # A few among as many remarks as the file has rows.
    Index(
        "ix_findings_refused",
        "run_id",
        "round",
        "line",
        "place",
        postgresql_where=text("refused"),
    ),
)

# `signature` is the header's: a file with the same columns is read the same way.
mappings = Table(
    "mappings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_id", Uuid, nullable=False),
    Column("name", Text, nullable=False, info=IMPERSONAL),
    Column("signature", Text, nullable=False, info=IMPERSONAL),
    Column("mapping", JSONB, nullable=False, info=IMPERSONAL),
    Column("used_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("vendor_id", "name"),
    Index("ix_mappings_signature", "vendor_id", "signature"),
)
