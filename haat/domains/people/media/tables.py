"""What is known of each file; its bytes are in blob storage."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Table, Text, Uuid, text

from haat.engines.sql import IMPERSONAL, module_metadata

metadata = module_metadata("media")

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
)
