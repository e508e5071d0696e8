"""Relay's global ids: the type and the id, opaque to clients."""

import base64
from uuid import UUID

from haat.kernel.errors import Invalid


def global_id(kind: str, id: UUID) -> str:
    """'Product' and its id in one word."""
    return base64.urlsafe_b64encode(f"{kind}:{id}".encode()).decode().rstrip("=")


def read_id(given: str) -> tuple[str, UUID] | None:
    """The type and the id; None for what is no global id."""
    try:
        text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode("ascii")
        kind, _, id = text.partition(":")
        return (kind, UUID(id)) if kind.isalpha() else None
    except ValueError:
        return None


def uuid_of(given: str, kind: str, path: str) -> UUID:
    """The id in a global id of that type, or in a plain id. Invalid for anything else."""
    found = read_id(given)
    if found is not None and found[0] == kind:
        return found[1]
    try:
        return UUID(given)
    except ValueError:
        raise Invalid.at(path, f"This is not the id of a {kind}.", "id_invalid") from None


def uuids_of(given: list[str], kind: str, path: str, most: int) -> list[UUID]:
    """The same for several, each once; Invalid for more than `most`."""
    if len(given) > most:
        raise Invalid.at(path, f"Ask for at most {most}.", "too_many")
    ids = (uuid_of(one, kind, f"{path}.{place}") for place, one in enumerate(given))
    return list(dict.fromkeys(ids))
