"""Mail into a folder: one .eml a mail, named by its id, to open with any mail program."""

import asyncio
import os
import secrets
from pathlib import Path

from haat.engines.mail import Message, written
from haat.kernel.clock import Clock
from haat.kernel.errors import Unavailable


class FolderMail:
    """Fulfils `Mail`. The folder is made at the first mail."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, message: Message) -> None:
        raw = written(message, self._sender, self._clock)
        try:
            await asyncio.to_thread(self._write, f"{message.id}.eml", raw)
        except OSError as error:
            raise Unavailable("The mail folder cannot be written.", code="mail_away") from error

    def _write(self, name: str, raw: bytes) -> None:
        path = self._folder / name
        if path.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{secrets.token_hex(8)}"
        try:
            draft.write_bytes(raw)
            os.link(draft, path)  # unlike a rename it leaves a mail that is there already
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
