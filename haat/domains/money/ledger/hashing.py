"""What a row's hash and a link of the chain cover, byte by byte.

Every text and the salt are preceded by their length, so that no two rows are spelled alike. The
proof has PostgreSQL spell stored rows the same way (`spelling.py`), which makes it fast; a test
holds the two against each other.

`transfer/1` and `outcome/1` are what rows written before the chain carry; they stay valid.
"""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from uuid import UUID

GENESIS = bytes(32)  # what the first link follows
TRANSFER = b"transfer/2"
OUTCOME = b"outcome/2"
LINK = b"link/1"
NEVER = -(1 << 63)  # where a time is written and there is none
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's own: its times are microseconds since
_MICROSECOND = timedelta(microseconds=1)
_LENGTH = Struct(">i")
_NUMBERS = Struct(">q?qq")
_ENDED = Struct(">?q")
_PLACE = Struct(">q?")
_TIME = Struct(">q")


def transfer_hash(
    salt: bytes,
    transfer_id: UUID,
    sides: tuple[UUID, UUID],
    amount: tuple[int, str],
    why: tuple[str, UUID, bool],
    times: tuple[datetime, datetime | None],
) -> bytes:
    """SHA-256 over the salt and the transfer in one fixed spelling.

    `sides` are (debit, credit) account ids, `amount` is (minor, currency), `why` is (code,
    reference, pending), `times` is (at, expires_at). The salt keeps a digest from being guessed
    from what it covers.
    """
    code, reference, pending = why
    at, expires_at = times
    expires = NEVER if expires_at is None else microseconds(expires_at)
    content = (
        TRANSFER,
        _LENGTH.pack(len(salt)),
        salt,
        transfer_id.bytes,
        sides[0].bytes,
        sides[1].bytes,
        reference.bytes,
        _NUMBERS.pack(amount[0], pending, microseconds(at), expires),
        _text(amount[1]),
        _text(code),
    )
    return sha256(b"".join(content)).digest()


def outcome_hash(salt: bytes, transfer_id: UUID, posted: bool, at: datetime) -> bytes:
    """The same for how a pending transfer ended."""
    ended = _ENDED.pack(posted, microseconds(at))
    content = (OUTCOME, _LENGTH.pack(len(salt)), salt, transfer_id.bytes, ended)
    return sha256(b"".join(content)).digest()


def link_hash(
    before: bytes, position: int, outcome: bool, row_id: UUID, row_hash: bytes, sealed_at: bytes
) -> bytes:
    """The chain's hash at `position`: over the one before it and the row that is sealed there.

    `sealed_at` as `time_bytes` gives it.
    """
    place = _PLACE.pack(position, outcome)
    content = (LINK, before, place, row_id.bytes, sealed_at, row_hash)
    return sha256(b"".join(content)).digest()


def time_bytes(at: datetime) -> bytes:
    """As PostgreSQL's timestamptz_send."""
    return _TIME.pack(microseconds(at))


def time_of(content: bytes) -> datetime:
    """The other way round; OverflowError for what no `datetime` can hold."""
    (since,) = _TIME.unpack(content)
    return _EPOCH + int(since) * _MICROSECOND


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _text(text: str) -> bytes:
    content = text.encode()
    return _LENGTH.pack(len(content)) + content


def first_transfer_hash(
    salt: bytes,
    transfer_id: UUID,
    sides: tuple[UUID, UUID],
    amount: tuple[int, str],
    why: tuple[str, UUID, bool],
    at: datetime,
) -> bytes:
    """`transfer/1`: what transfers without `expires_at` carry from before the chain."""
    code, reference, pending = why
    content: list[str | int | bool] = [
        "transfer/1",
        str(transfer_id),
        str(sides[0]),
        str(sides[1]),
        amount[0],
        amount[1],
        code,
        str(reference),
        pending,
        _spelled(at),
    ]
    return _digest(salt, content)


def first_outcome_hash(salt: bytes, transfer_id: UUID, posted: bool, at: datetime) -> bytes:
    """`outcome/1`."""
    return _digest(salt, ["outcome/1", str(transfer_id), posted, _spelled(at)])


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(salt: bytes, content: list[str | int | bool]) -> bytes:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return sha256(salt + text.encode()).digest()
