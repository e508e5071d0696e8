"""A list of breached passwords on this machine: what is chosen is looked up without leaving it.

The file is what Have I Been Pwned hands out: a line for each password, its SHA-1 as 40 hexadecimal
digits in ascending order, what follows the digits ignored. Tens of gigabytes are read at about
thirty places, so none of it is kept in memory.
"""

import hashlib
import mmap
from pathlib import Path

DIGITS = 40


class Breached:
    """Looks passwords up in the file at `path`; without one it knows none."""

    def __init__(self, path: Path | None) -> None:
        self._map: mmap.mmap | None = None
        if path is None:
            return
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if not _is_digest(self._map[:DIGITS]):
            raise ValueError(f"{path} is not a list of SHA-1 hashes, one a line")

    def knows(self, password: str) -> bool:
        """Whether the list has it. Reads from a disk: call it in a thread."""
        found = self._map
        if found is None:
            return False
        # The list's own form, not a protection: nothing is kept of it.
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False)
        wanted = digest.hexdigest().upper().encode()
        low, high = 0, len(found)
        while low < high:
            middle = (low + high) // 2
            start = found.rfind(b"\n", low, middle) + 1 or low
            if start < low:
                start = low
            here = found[start : start + DIGITS].upper()
            if here == wanted:
                return True
            end = found.find(b"\n", start)
            after = len(found) if end < 0 else end + 1
            low, high = (after, high) if here < wanted else (low, start)
        return False


def _is_digest(head: bytes) -> bool:
    try:
        return len(bytes.fromhex(head.decode("ascii"))) * 2 == DIGITS
    except ValueError:
        return False
