"""Mail to people: the port and the message. The adapter is chosen by URL scheme.

`smtp://user:password@host:port`, `smtps://…`, or a folder (`file:///…`) for development.
"""

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Collection
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from secrets import token_hex
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from haat.kernel.clock import Clock, SystemClock
from haat.kernel.errors import Invalid
from haat.kernel.model import Model
from haat.kernel.personal import EmailText

_EOL = "\r\n"
_LINE_MAX_CHARS = 500
_WORD_BYTES = 39  # of an encoded word, so that its line is not longer than 76
_FOLDED_CHARS = 68  # what fits beside "Subject: " into a line of 78
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@[^\s@<>(),;:\\\"\[\]]{1,255}")


class MailRefused(Invalid, code="mail_refused"):
    """The mail server refuses this mail for good; sending it again is no use."""


class Message(Model):
    """One mail to one address. Sending the same `id` twice is sending the same mail twice: a
    folder keeps one, SMTP carries the same Message-ID."""

    id: UUID
    to: EmailText
    subject: str
    text: str
    html: str | None = None


class Mail(Protocol):
    """Sends mail."""

    async def send(self, message: Message) -> None:
        """Hand it over. Raises Invalid (`mail_header_invalid`) for an address or subject that
        would break out of its header, MailRefused, Unavailable (`mail_away`) and Timeout."""


def written(message: Message, sender: str, clock: Clock) -> bytes:
    """The mail as it travels. `sender` is 'Haat <no-reply@example.org>'.

    Written out by hand: `EmailMessage` parses every header it is given and again every one it
    writes, which costs more than all else an order makes the background worker do.
    """
    if _CONTROL.search(message.subject) or len(message.subject) > _LINE_MAX_CHARS:
        raise Invalid.at("subject", "This cannot stand in a header.", "mail_header_invalid")
    if not _ADDRESS.fullmatch(message.to) or _CONTROL.search(message.to):
        raise Invalid.at("to", "This is not one mail address.", "mail_header_invalid")
    name, address = parseaddr(sender)
    lines = [
        f"From: {formataddr((name, address))}",
        f"To: {message.to}",
        f"Subject: {_subject(message.subject)}",
        f"Date: {format_datetime(clock.now())}",
        f"Message-ID: <{message.id}@{address.rpartition('@')[2] or 'localhost'}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "",
    ]
    head = _EOL.join(lines).encode()
    plain = _part("plain", message.text)
    if message.html is None:
        return head + plain
    mark = f"=_{token_hex(16)}".encode()
    kind = b'Content-Type: multipart/alternative; boundary="' + mark + b'"\r\n\r\n'
    parts = b"".join(
        b"--" + mark + b"\r\n" + part + b"\r\n" for part in (plain, _part("html", message.html))
    )
    return head + kind + parts + b"--" + mark + b"--\r\n"


def _subject(subject: str) -> str:
    """A text of one line as a header's value, folded and encoded as RFC 2047 where it must be."""
    if subject.isascii() and len(subject) <= _FOLDED_CHARS and "=?" not in subject:
        return subject
    words, word = [], b""
    for letter in subject:
        more = letter.encode("utf-8", "replace")
        if len(word) + len(more) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += more
    return f"{_EOL} ".join(f"=?utf-8?b?{b64encode(one).decode()}?=" for one in (*words, word))


def _part(kind: str, text: str) -> bytes:
    """A text with its own headers, its lines ended by CR LF."""
    lines = text.encode("utf-8", "replace").splitlines()
    raw = b"\r\n".join([*lines, b""])
    coding = "7bit"
    if not raw.isascii() or b"\0" in raw or max(map(len, lines), default=0) > _LINE_MAX_CHARS:
        coding = "quoted-printable"
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"{_EOL}'
        f"Content-Transfer-Encoding: {coding}{_EOL}{_EOL}"
    ).encode()
    return head + (raw if coding == "7bit" else b2a_qp(raw, istext=True))


def compose(message: Message, sender: str, clock: Clock) -> EmailMessage:
    """What `written` writes, as an object, for who has to look into it."""
    policy = SMTP.clone(utf8=not message.to.isascii())
    return message_from_string(written(message, sender, clock).decode(), policy=policy)


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


def forget_mails(url: str, address: str, about: Collection[str] = ()) -> int:
    """Removes what lies in a folder of ours and was sent to this address, or to anybody `about`
    what has one of these ids; how many. What went out by SMTP is with its reader."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        return 0
    count, line, ids = 0, f"To: {address}{_EOL}".encode(), [one.encode() for one in about]
    for path in Path(unquote(parts.path) if parts.scheme else url).glob("*.eml"):
        try:
            head, _, body = path.read_bytes().partition(b"\r\n\r\n")
            whole = body.replace(b"=\r\n", b"")  # an id may go on in the next line
            if line in head + _EOL.encode() or any(id in whole for id in ids):
                path.unlink()
                count += 1
        except FileNotFoundError:
            continue
    return count


__all__ = ["Mail", "MailRefused", "Message", "compose", "forget_mails", "open_mail", "written"]
