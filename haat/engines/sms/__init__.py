"""Text messages to telephones: the port and the message. The adapter is chosen by URL scheme.

A folder (`file:///…`) for development, or `https://…`: a webhook of whoever sends them.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from haat.engines.http.client import HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.model import Model


class SmsAway(Unavailable, code="sms_away"):
    """Text messages cannot be sent now."""


class Text(Model):
    """One message to one number (+, country, number). The same `id` is the same message."""

    id: UUID
    to: str
    text: str


class Sms(Protocol):
    """Sends text messages."""

    async def send(self, ctx: Context, text: Text) -> None:
        """Hand it over. Raises SmsAway and Timeout."""


def open_sms(url: str, *, token: str, http: HttpClient) -> Sms:
    """The way to send at this URL; nothing is contacted yet. `token` is what a webhook knows us by.

    Raises ValueError for an unknown scheme.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        from haat.engines.sms.folder import FolderSms

        return FolderSms(Path(unquote(parts.path) if parts.scheme else url))
    if parts.scheme in ("http", "https") and parts.hostname:
        from haat.engines.sms.webhook import WebhookSms

        return WebhookSms(url, token=token, http=http)
    raise ValueError(f"no text messages over {parts.scheme}://: use https:// or a folder")


def forget_texts(url: str, numbers: Collection[str]) -> int:
    """Removes what was sent to these numbers and lies in a folder of ours; how many."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file") or not numbers:
        return 0
    count = 0
    for path in Path(unquote(parts.path) if parts.scheme else url).glob("*.txt"):
        try:
            if path.read_text("utf-8").partition("\n")[0].removeprefix("To: ") in numbers:
                path.unlink()
                count += 1
        except FileNotFoundError:
            continue
    return count


__all__ = ["Sms", "SmsAway", "Text", "forget_texts", "open_sms"]
