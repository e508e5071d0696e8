"""Which keys access tokens are signed with: generations, each derived from the secret.

The ring is a file beside the secret, and holds no secret itself: numbers and times. A new
generation is published at once and signs a little later, when every process has read the file
again; the old ones verify until their tokens have run out.
"""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

FIRST = 1
SIGNS_AFTER = timedelta(minutes=1)  # processes look at the file every few seconds
VERIFIES_FOR = timedelta(hours=25)  # longer than any access token lives


@dataclass(frozen=True, slots=True)
class Generation:
    """`signs_from` is when it takes over from the one before."""

    number: int
    signs_from: datetime


Ring = tuple[Generation, ...]
BEGINNING: Ring = (Generation(FIRST, datetime(1970, 1, 1, tzinfo=UTC)),)


def ring_path(secret_path: Path) -> Path:
    return secret_path.with_name("token-keys.json")


def read_ring(path: Path) -> Ring:
    """The generations in the file, the oldest first; the first one where there is no file.

    Raises ValueError when it holds something else.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return BEGINNING
    try:
        found = tuple(
            Generation(int(one["number"]), datetime.fromisoformat(one["signsFrom"]))
            for one in json.loads(text)["generations"]
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} does not hold a ring of keys") from error
    rising = all(a.number < b.number for a, b in pairwise(found))
    if not found or not rising or any(one.signs_from.tzinfo is None for one in found):
        raise ValueError(f"{path} does not hold a ring of keys")
    return found


def rotated(ring: Ring, now: datetime, *, drop: bool = False) -> Ring:
    """With one more generation, and without those whose tokens have run out. `drop`: the old ones
    are worth nothing from now on, for a key that somebody else may have."""
    new = ring[-1].number + 1
    if drop:
        return (Generation(new, now),)
    kept = [one for one, after in pairwise(ring) if after.signs_from + VERIFIES_FOR > now]
    return (*kept, ring[-1], Generation(new, now + SIGNS_AFTER))


def write_ring(path: Path, ring: Ring) -> None:
    """Replaces the file whole: who reads it meanwhile reads the old one."""
    generations = [{"number": one.number, "signsFrom": one.signs_from.isoformat()} for one in ring]
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.write_text(json.dumps({"generations": generations}, indent=1) + "\n", "utf-8")
    os.replace(draft, path)
