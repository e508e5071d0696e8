"""Text messages into a folder: one file each, named by its id."""

import asyncio
from pathlib import Path

from haat.engines.sms import SmsAway, Text
from haat.kernel.context import Context


class FolderSms:
    """Fulfils `Sms`. The folder is made at the first message, for its owner's eyes alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, ctx: Context, text: Text) -> None:
        try:
            await asyncio.to_thread(self._write, text)
        except OSError as error:
            raise SmsAway from error

    def _write(self, text: Text) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{text.id}.draft"
        draft.write_text(f"To: {text.to}\n\n{text.text}\n", "utf-8")
        draft.replace(self._folder / f"{text.id}.txt")
