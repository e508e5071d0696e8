"""Mail into a folder: one .eml a mail, named by its id, to open with any mail program."""

import os
import secrets
from pathlib import Path

from haat.engines.mail import Message, written
from haat.kernel.clock import Clock
from haat.kernel.errors import Unavailable

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class FolderMail:
    """Fulfils `Mail`. The folder is made at the first mail."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, message: Message) -> None:
        raw = written(message, self._sender, self._clock)
        try:
            self._write(f"{message.id}.eml", raw)
        except OSError as error:
            raise Unavailable("The mail folder cannot be written.", code="mail_away") from error

    def _write(self, name: str, raw: bytes) -> None:
        """Not in a thread: handing over costs more than a small file of this machine's own."""
        draft = f"{self._folder}/.{name}.{secrets.token_hex(8)}"
        try:
            file = os.open(draft, _NEW, 0o666)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(draft, _NEW, 0o666)
        try:
            with open(file, "wb", buffering=0) as opened:
                left = memoryview(raw)
                while left:
                    left = left[opened.write(left) :]
            os.link(draft, f"{self._folder}/{name}")  # unlike a rename it leaves one that is there
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
