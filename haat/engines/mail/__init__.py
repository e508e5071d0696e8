"""Mail to people: the port and the message. The adapter is chosen by URL scheme.

`smtp://user:password@host:port`, `smtps://…`, or a folder (`file:///…`) for development.
"""

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from haat.kernel.clock import Clock, SystemClock
from haat.kernel.errors import Invalid
from haat.kernel.model import Model

_LINE_MAX_CHARS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]{1,255}")


class MailRefused(Invalid, code="mail_refused"):
    """The mail server refuses this mail for good; sending it again is no use."""


class Message(Model):
    """One mail to one address. Sending the same `id` twice is sending the same mail twice: a
    folder keeps one, SMTP carries the same Message-ID."""

    id: UUID
    to: str
    subject: str
    text: str
    html: str | None = None


class Mail(Protocol):
    """Sends mail."""

    async def send(self, message: Message) -> None:
        """Hand it over. Raises Invalid (`mail_header_invalid`) for an address or subject that
        would break out of its header, MailRefused, Unavailable (`mail_away`) and Timeout."""


def compose(message: Message, sender: str, clock: Clock) -> EmailMessage:
    """The mail as it travels. `sender` is 'Haat <no-reply@example.org>'."""
    if _CONTROL.search(message.subject) or len(message.subject) > _LINE_MAX_CHARS:
        raise Invalid.at("subject", "This cannot stand in a header.", "mail_header_invalid")
    if not _ADDRESS.fullmatch(message.to) or _CONTROL.search(message.to):
        raise Invalid.at("to", "This is not one mail address.", "mail_header_invalid")
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=SMTP.clone(utf8=not message.to.isascii()))
    mail["From"] = formataddr((name, address))
    mail["To"] = message.to
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{message.id}@{address.rpartition('@')[2] or 'localhost'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return mail


def open_mail(url: str, *, sender: str, clock: Clock | None = None) -> Mail:
    """The way to send at this URL; nothing is contacted yet. `sender` stands in From.

    Raises ValueError for an unknown scheme or a sender that is no address.
    """
    if _CONTROL.search(sender) or not _ADDRESS.fullmatch(parseaddr(sender)[1]):
        raise ValueError("the sender of mail is not a mail address")
    time = clock or SystemClock()
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        from haat.engines.mail.folder import FolderMail

        folder = Path(unquote(parts.path) if parts.scheme else url)
        return FolderMail(folder, sender=sender, clock=time)
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        from haat.engines.mail.smtp import SmtpMail

        return SmtpMail(
            parts.hostname,
            parts.port,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "smtps",
            sender=sender,
            clock=time,
        )
    raise ValueError(f"no mail over {parts.scheme}://: use smtp://, smtps:// or a folder")


__all__ = ["Mail", "MailRefused", "Message", "compose", "open_mail"]
