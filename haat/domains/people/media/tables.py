"""What is known of each file; its bytes are in blob storage."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("media", unwatched="pieces uploads usage claims")

# `edition`: which renditions there are; 0 none, 1 WebP, 2 all. `claims`: how many show it (the
# `claims` below name them); `lasting`: it may stand in documents and stays. `removed_at`: on its
# way out, and shown to nobody.
files = Table(
    "files",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid),  # the person who uploaded it; none when the system did
    Column("vendor_id", Uuid),
    Column("digest", Text, nullable=False, info=IMPERSONAL),  # SHA-256 of what was sent, in hex
    Column("content_type", Text, nullable=False, info=IMPERSONAL),
    Column("size_bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("ready", Boolean, nullable=False, server_default=text("false")),
    Column("uploaded_at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False, server_default=text("'other'"), info=IMPERSONAL),
    Column("alt", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("poster_id", Uuid),
    Column("edition", Integer, nullable=False, server_default=text("0")),
    Column("holder_id", Uuid),  # whose quota it counts for; none: nobody's, but the market's
    Column("claims", Integer, nullable=False, server_default=text("0")),
    Column("lasting", Boolean, nullable=False, server_default=text("false")),
    Column("unclaimed_at", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    CheckConstraint("claims >= 0", name="claims"),
)
Index("ix_files_to_make", files.c.id, postgresql_where=files.c.edition < 2)
Index(
    "ix_files_unused",
    files.c.unclaimed_at,
    postgresql_where=(files.c.claims == 0) & ~files.c.lasting & files.c.removed_at.is_(None),
)
# What may stand in orders and is shown by nobody else, while it still counts for its vendor.
Index(
    "ix_files_outlived",
    files.c.unclaimed_at,
    postgresql_where=(files.c.claims == 0)
    & files.c.lasting
    & files.c.holder_id.isnot(None)
    & files.c.removed_at.is_(None),
)
Index("ix_files_removed", files.c.removed_at, postgresql_where=files.c.removed_at.isnot(None))
Index("ix_files_holder_id", files.c.holder_id)

# A file on its way: until `expires_at` bytes may come; then they and the row go.
uploads = Table(
    "uploads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, nullable=False),
    Column("holder_id", Uuid, nullable=False),
    Column("vendor_id", Uuid),
    Column("kind", Text, nullable=False, info=IMPERSONAL),
    Column("content_type", Text, nullable=False, info=IMPERSONAL),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", Text, info=IMPERSONAL),
    Column("alt", Text, nullable=False, info=IMPERSONAL),
    Column("poster_id", Uuid),
    Column("protocol", Text, nullable=False, info=IMPERSONAL),
    Column("received", BigInteger, nullable=False, server_default=text("0")),
    Column("status", Text, nullable=False, server_default=text("'open'"), info=IMPERSONAL),
    Column("refused", Text, info=IMPERSONAL),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("received BETWEEN 0 AND size_bytes", name="received"),
    CheckConstraint("status IN ('open', 'kept', 'refused', 'ended')", name="status"),
)
Index("ix_uploads_expires_at", uploads.c.expires_at)
Index("ix_uploads_open", uploads.c.holder_id, postgresql_where=uploads.c.status == "open")

# The bytes of an upload by tus, in order.
pieces = Table(
    "pieces",
    metadata,
    Column("upload_id", Uuid, ForeignKey(uploads.c.id, ondelete="CASCADE"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("key", Text, nullable=False, info=IMPERSONAL),
    PrimaryKeyConstraint("upload_id", "start"),
)

# What a vendor (or a person) keeps, and what is kept free for uploads on their way. `files_max`
# and `bytes_max`: how much staff let this one keep, where that is not what all may.
usage = Table(
    "usage",
    metadata,
    Column("holder_id", Uuid, primary_key=True),
    Column("files", Integer, nullable=False, server_default=text("0")),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("held_files", Integer, nullable=False, server_default=text("0")),
    Column("held_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("files_max", Integer),
    Column("bytes_max", BigInteger),
    Column("room_set_by", Uuid),  # the person of the staff
    Column("room_set_at", DateTime(timezone=True)),
    CheckConstraint(
        "files >= 0 AND bytes >= 0 AND held_files >= 0 AND held_bytes >= 0", name="counts"
    ),
)

# Who shows which files: "product:<id>", as it last said.
claims = Table(
    "claims",
    metadata,
    Column("by", Text, primary_key=True, info=IMPERSONAL),
    Column("version", BigInteger, nullable=False),
    Column("ids", ARRAY(Uuid), nullable=False),
    Column("lasting", Boolean, nullable=False, server_default=text("false")),
)
