"""One suite for every way of `haat.engines.mail`, SMTP against a real server in this process."""

import asyncio
import email
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from haat.engines.mail import Mail, MailRefused, Message, open_mail, written
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Invalid, Timeout, Unavailable

SENDER = "Haät <no-reply@haat.example>"
CLOCK = SettableClock(datetime(2026, 5, 1, 12, tzinfo=UTC))


@dataclass
class Post:
    """What an SMTP server got; `answers` are given instead of accepting, one a recipient."""

    got: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_RCPT(  # the names are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.got.append(envelope.content)
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, *rest: Any) -> AuthResult:
        login = rest[-1]
        assert isinstance(login, LoginPassword)
        self.users.append(login.login.decode())
        return AuthResult(success=login.password == b"p@ss", handled=False)


@pytest.fixture
async def smtp() -> AsyncIterator[tuple[Post, int]]:
    post = Post()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            post,
            enable_SMTPUTF8=True,
            hostname="test",
            authenticator=post.authenticate,
            auth_require_tls=False,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    yield post, server.sockets[0].getsockname()[1]
    server.close()


@dataclass
class Way:
    mail: Mail
    post: Post
    folder: Path
    keeps_one: bool

    def arrived(self) -> list[EmailMessage]:
        raw = list(self.post.got)
        if self.folder.exists():
            raw += [path.read_bytes() for path in sorted(self.folder.iterdir())]
        return [email.message_from_bytes(one, policy=default) for one in raw]


@pytest.fixture(params=["folder", "smtp"])
def way(request: pytest.FixtureRequest, smtp: tuple[Post, int], tmp_path: Path) -> Way:
    post, port = smtp
    folder = tmp_path / "mail"
    url = f"file://{folder}" if request.param == "folder" else f"smtp://127.0.0.1:{port}"
    mail = open_mail(url, sender=SENDER, clock=CLOCK)
    return Way(mail, post, folder, request.param == "folder")


def message(**given: Any) -> Message:
    fields: dict[str, Any] = {"id": uuid4(), "to": "ann@example.org", "subject": "Your order"}
    return Message(**{**fields, "text": "Thanks", **given})


async def test_a_mail_arrives(way: Way) -> None:
    sent = message(subject="Ordered: ☕ & Kühlschrank", text="Grüße\n.\nend", html="<p>Grüße</p>")
    await way.mail.send(sent)
    (mail,) = way.arrived()
    assert mail["To"] == "ann@example.org"
    assert mail["From"] == SENDER
    assert mail["Subject"] == sent.subject
    assert mail["Message-ID"] == f"<{sent.id}@haat.example>"
    assert mail["Date"].datetime == CLOCK.now()
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == "Grüße\n.\nend\n"
    assert html.get_content().strip() == "<p>Grüße</p>"


async def test_sending_twice(way: Way) -> None:
    sent = message()
    await way.mail.send(sent)
    await way.mail.send(sent)
    arrived = way.arrived()
    assert len(arrived) == (1 if way.keeps_one else 2)
    assert len({mail["Message-ID"] for mail in arrived}) == 1


async def test_many_at_once(way: Way) -> None:
    await asyncio.gather(*(way.mail.send(message(id=UUID(int=n % 10))) for n in range(20)))
    assert len({mail["Message-ID"] for mail in way.arrived()}) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hi\r\nBcc: all@example.org"},
        {"subject": "Hi\nthere"},
        {"subject": "a\u2028b"},
        {"subject": "x" * 501},
        {"to": "ann@example.org\r\nBcc: bob@example.org"},
        {"to": "ann@example.org, bob@example.org"},
        {"to": "Ann <ann@example.org>"},
        {"to": "ann"},
        {"to": ""},
        {"to": "ann@exa mple.org"},
    ],
)
async def test_headers_cannot_be_broken(way: Way, wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        await way.mail.send(message(**wrong))
    assert caught.value.code == "mail_header_invalid"
    assert way.arrived() == []


async def test_addresses_in_other_scripts(way: Way) -> None:
    await way.mail.send(message(to="jörg@example.org"))
    (mail,) = way.arrived()
    assert mail["To"] == "jörg@example.org"


@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 no such person", MailRefused), ("451 later", Unavailable), ("421 closing", Unavailable)],
)
async def test_what_a_server_says(
    smtp: tuple[Post, int], answer: str, error: type[Exception]
) -> None:
    post, port = smtp
    post.answers = [answer]
    with pytest.raises(error):
        await open_mail(f"smtp://127.0.0.1:{port}", sender=SENDER).send(message())
    assert post.got == []


async def test_signing_in(smtp: tuple[Post, int]) -> None:
    post, port = smtp
    url = f"smtp://ann%40x:{{}}@127.0.0.1:{port}"
    await open_mail(url.format("p%40ss"), sender=SENDER).send(message())
    assert (post.users, len(post.got)) == (["ann@x"], 1)
    with pytest.raises(Unavailable):
        await open_mail(url.format("wrong"), sender=SENDER).send(message())


async def test_encryption_is_not_given_up(smtp: tuple[Post, int]) -> None:
    post, port = smtp
    with pytest.raises(Unavailable):
        await open_mail(f"smtps://127.0.0.1:{port}", sender=SENDER).send(message())
    assert post.got == []


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr("haat.engines.mail.smtp.STEP_S", 0.1)
        with pytest.raises(Timeout):
            await open_mail(f"smtp://127.0.0.1:{port}", sender=SENDER).send(message())
    with pytest.raises(Unavailable):
        await open_mail(f"smtp://127.0.0.1:{port}", sender=SENDER).send(message())


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        await open_mail(str(tmp_path / "file" / "mail"), sender=SENDER).send(message())


def test_strange_urls_are_refused() -> None:
    for url in ("http://x", "smtp://"):
        with pytest.raises(ValueError, match="no mail over"):
            open_mail(url, sender=SENDER)
    for sender in ("nobody", "a@b\r\nBcc: c@d"):
        with pytest.raises(ValueError, match="sender"):
            open_mail("smtp://localhost", sender=sender)


@pytest.mark.parametrize(
    "subject",
    ["X-1000 · Haat", "ü" * 150, "a" * 149 + "é", "日本語" * 40, "📦" * 60, "=?x", "a" * 200],
)
def test_a_subject_in_any_script_comes_back_as_it_was(subject: str) -> None:
    raw = written(
        message(subject=subject), SENDER, SettableClock(datetime(2026, 11, 1, tzinfo=UTC))
    )
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert email.message_from_bytes(raw, policy=default)["Subject"] == subject
