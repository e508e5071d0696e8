"""Files of settings: NAME=value lines, as container runtimes and Procfile runners read them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from haat.app.installation import CannotStart

_LINE = re.compile(r"\s*(?:export\s+)?(HAAT_[A-Z0-9_]+)=(.*)")


def read_settings(path: Path) -> dict[str, str]:
    """The HAAT_… lines of a file, quotes around values taken off. CannotStart when it is not
    there."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise CannotStart(f"the settings {path} cannot be read: {error.strerror}") from None
    found = {}
    for match in filter(None, map(_LINE.fullmatch, lines)):
        value = match[2].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[match[1]] = value
    return found


def write_settings(path: Path, values: Mapping[str, str], about: str) -> None:
    """Writes such a file, for its owner's eyes: there are passwords in it."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# {about}\n{text}")
    draft.replace(path)
