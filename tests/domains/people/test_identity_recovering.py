"""Passwords set by a link or by who knows the old one, and addresses that are proved."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from haat.domains.people.identity.api import (
    EmailInvalid,
    EmailVerified,
    LinkUsed,
    PasswordWeak,
    Person,
    RefreshInvalid,
    TooManyAttempts,
    TooManyLetters,
    WrongCredentials,
    WrongPassword,
)
from haat.domains.people.identity.breached import Breached
from haat.domains.people.identity.guessable import is_guessable
from haat.domains.people.identity.service import IdentityService
from haat.engines.http import Tokens
from haat.engines.http.signing import LinkExpired, LinkInvalid
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Unavailable
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    HOSTILE,
    SECRET,
    Post,
    clock,
    guest,
    identity_of,
    outbox,
    person,
    system,
)

PASSWORD, NEW = "correct horse", "battery staple"
ADA = "ada@example.com"


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("identity")
    for table in ("people", "letters", "sign_ins", "attempts", "words", "outbox"):
        await db.execute(f"DELETE FROM identity.{table}")
    return db


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def identity(db: Database, at: SettableClock, post: Post) -> IdentityService:
    return identity_of(db, at, post=post)


@pytest.fixture
async def ada(identity: IdentityService, at: SettableClock, post: Post) -> Person:
    made = await identity.register(
        guest(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada <b>"
    )
    await identity.send_letters(system(at))
    return made


async def reset_link(identity: IdentityService, at: SettableClock, post: Post) -> str:
    await identity.ask_reset(guest(at), email=ADA, origin="10.0.0.1")
    await identity.send_letters(system(at))
    return post.link(ADA)


async def entered(identity: IdentityService, at: SettableClock, password: str) -> str:
    found = await identity.sign_in(guest(at), email=ADA, password=password)
    assert found.refresh_token is not None
    return found.refresh_token


async def test_a_password_is_set_by_a_link_once(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    session = await entered(identity, at, PASSWORD)
    link = await reset_link(identity, at, post)
    mail = post.sent[-1]
    assert (mail.to, mail.subject) == (ADA, "Set a new password · Bazaar")
    assert "http://localhost:4004/reset-password?token=" in mail.text
    assert "30 minutes" in mail.text
    assert mail.html is not None
    assert "Ada &lt;b&gt;" in mail.html
    await outbox(db)
    with pytest.raises(PasswordWeak):  # the link stays good
        await identity.reset_password(guest(at), token=link, password="Dragon2024!")
    await identity.reset_password(guest(at), token=link, password=NEW)
    with pytest.raises(LinkUsed):
        await identity.reset_password(guest(at), token=link, password="another phrase")
    with pytest.raises(RefreshInvalid):
        await identity.refresh(guest(at), refresh_token=session)
    with pytest.raises(WrongCredentials):
        await entered(identity, at, PASSWORD)
    await entered(identity, at, NEW)
    [changed] = [data for kind, data in await outbox(db) if kind == "user.password_changed"]
    assert changed == {"personId": str(ada.id), "by": "link"}
    # It came by mail, so the address is proved; and the owner is told.
    assert (await identity.me(person(at, ada.id))).status == "active"
    await identity.send_letters(system(at))
    assert post.sent[-1].subject == "Your password was changed · Bazaar"
    assert "?token=" not in post.sent[-1].text


async def test_nothing_tells_whether_there_is_an_account(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    """The same statements run for either: who it is for is found out by the timer."""
    sent = len(post.sent)
    rows = []
    for email in (ADA, "nobody@example.com"):
        await identity.ask_reset(guest(at), email=email, origin="10.0.0.1")
        rows.append(await db.fetchrow("SELECT * FROM identity.letters WHERE address = $1 AND "
                                      "kind = 'reset'", email))  # fmt: skip
    assert all(row is not None and row["person_id"] is None for row in rows)
    await identity.send_letters(system(at))
    assert [mail.to for mail in post.sent[sent:]] == [ADA]
    assert await db.fetchval("SELECT count(*) FROM identity.letters WHERE kind = 'reset'") == 1
    with pytest.raises(EmailInvalid):
        await identity.ask_reset(guest(at), email="no address")


async def test_two_uses_of_one_link_and_of_two_links(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person
) -> None:
    for others in (0, 1):
        first = await reset_link(identity, at, post)
        links = [first, await reset_link(identity, at, post) if others else first]
        found = await asyncio.gather(
            *(identity.reset_password(guest(at), token=link, password=f"new phrase {n}")
              for n, link in enumerate(links)),
            return_exceptions=True,
        )  # fmt: skip
        assert sorted(map(repr, found)) == sorted(["None", repr(LinkUsed())])
        await entered(identity, at, f"new phrase {found.index(None)}")
        at.advance(timedelta(hours=2))


async def test_a_session_begun_with_the_old_password_at_that_moment_ends(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    link = await reset_link(identity, at, post)
    attempts = (
        identity.sign_in(guest(at), email=ADA, password=PASSWORD, origin=f"10.0.0.{n}")
        for n in range(12)
    )
    await asyncio.gather(
        *attempts,
        identity.reset_password(guest(at), token=link, password=NEW),
        return_exceptions=True,
    )
    alive = "SELECT count(*) FROM identity.sessions WHERE ended_at IS NULL"
    assert await db.fetchval(alive) == 0


async def test_links_expire_and_are_not_forged(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person
) -> None:
    verify = post.link(ADA)
    link = await reset_link(identity, at, post)
    for text in ("x", "a.b.c", link[:-2], link + "x", verify, *HOSTILE):
        with pytest.raises((LinkInvalid, LinkExpired)):
            await identity.reset_password(guest(at), token=text, password=NEW)
    with pytest.raises(LinkInvalid):
        await identity.verify_email(guest(at), token=link)
    at.advance(timedelta(minutes=30))
    with pytest.raises(LinkExpired):
        await identity.reset_password(guest(at), token=link, password=NEW)
    await entered(identity, at, PASSWORD)


async def test_asking_is_limited(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person
) -> None:
    sent = len(post.sent)
    for _ in range(6):  # beyond the third nothing is sent, and nobody learns that
        await identity.ask_reset(guest(at), email=ADA, origin="10.0.0.1")
    await identity.send_letters(system(at))
    assert len(post.sent) - sent == 3
    for n in range(14):
        await identity.ask_reset(guest(at), email=f"n{n}@example.com", origin="10.0.0.1")
    with pytest.raises(TooManyLetters) as refused:
        await identity.ask_reset(guest(at), email=ADA, origin="10.0.0.1")
    assert refused.value.data["retryAfterS"] == 3600
    at.advance(timedelta(hours=1))
    await identity.ask_reset(guest(at), email=ADA, origin="10.0.0.1")


async def test_a_mail_that_cannot_go_is_sent_later(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person
) -> None:
    await identity.ask_reset(guest(at), email=ADA)
    post.problem = Unavailable()
    assert await identity.send_letters(system(at)) == 0
    post.problem = None
    assert await identity.send_letters(system(at)) == 0, "not at once"
    at.advance(timedelta(seconds=15))
    sent = await asyncio.gather(*(identity.send_letters(system(at)) for _ in range(3)))
    assert sum(sent) == 1
    await identity.reset_password(guest(at), token=post.link(ADA), password=NEW)


async def test_links_are_kept_nowhere(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    link = await reset_link(identity, at, post)
    mac = link.rsplit(".", 1)[1]
    for table in ("letters", "outbox", "people", "attempts"):
        for row in await db.fetch(f"SELECT t::text AS row FROM identity.{table} t"):
            assert mac not in row["row"]
            assert NEW not in row["row"]


async def test_blocked_and_demo_accounts_get_no_link(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    sent = len(post.sent)
    await db.execute("UPDATE identity.people SET status = 'blocked'")
    await identity.ask_reset(guest(at), email=ADA)
    await identity.send_letters(system(at))
    await db.execute("UPDATE identity.people SET status = 'active', demo = true")
    await identity.ask_reset(guest(at), email=ADA)
    await identity.send_letters(system(at))
    assert len(post.sent) == sent


async def test_who_knows_the_old_password_sets_another(
    identity: IdentityService, at: SettableClock, ada: Person, post: Post, db: Database
) -> None:
    here, other = await entered(identity, at, PASSWORD), await entered(identity, at, PASSWORD)
    link = await reset_link(identity, at, post)
    mine = Tokens(SECRET, at).read(
        (await identity.refresh(guest(at), refresh_token=here)).access_token
    )
    ctx = person(at, ada.id)

    async def change(old: str, new: str) -> None:
        await identity.change_password(ctx, old=old, new=new, session_id=mine.session_id)

    with pytest.raises(WrongPassword) as refused:
        await change("wrong", NEW)
    assert refused.value.fields[0].path == "old"
    with pytest.raises(PasswordWeak) as weak:
        await change(PASSWORD, "ada@example.com")
    assert weak.value.fields[0].path == "new"
    await change(PASSWORD, NEW)
    with pytest.raises(RefreshInvalid):
        await identity.refresh(guest(at), refresh_token=other)
    assert (await identity.refresh(guest(at), refresh_token=here)).access_token
    with pytest.raises(LinkUsed):
        await identity.reset_password(guest(at), token=link, password="a third phrase")
    await entered(identity, at, NEW)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await change("wrong", "whatever it is")
    with pytest.raises(TooManyAttempts):
        await change(NEW, "whatever it is")


async def test_two_changes_at_once(
    identity: IdentityService, at: SettableClock, ada: Person
) -> None:
    ctx = person(at, ada.id)
    found = await asyncio.gather(
        *(identity.change_password(ctx, old=PASSWORD, new=f"new phrase {n}") for n in range(4)),
        return_exceptions=True,
    )
    assert sum(one is None for one in found) == 1
    assert sum(isinstance(one, WrongPassword) for one in found) == 3
    await entered(identity, at, f"new phrase {found.index(None)}")


async def test_an_address_is_proved(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    ctx = person(at, ada.id)
    assert (await identity.me(ctx)).status == "pending"
    await entered(identity, at, PASSWORD)  # who is pending buys
    await outbox(db)
    await asyncio.gather(
        *(identity.verify_email(guest(at), token=post.link(ADA)) for _ in range(3))
    )
    assert (await identity.me(ctx)).status == "active"
    assert await outbox(db) == [("user.verified", {"personId": str(ada.id)})]
    with pytest.raises(EmailVerified):
        await identity.ask_verification(ctx)


async def test_another_link_can_be_asked_for(
    identity: IdentityService, at: SettableClock, post: Post, ada: Person, db: Database
) -> None:
    ctx = person(at, ada.id)
    first = post.link(ADA)
    at.advance(timedelta(hours=24))
    with pytest.raises(LinkExpired):
        await identity.verify_email(guest(at), token=first)
    for _ in range(5):
        await identity.ask_verification(ctx)
    with pytest.raises(TooManyLetters):
        await identity.ask_verification(ctx)
    await identity.send_letters(system(at))
    link = post.link(ADA)
    await db.execute("UPDATE identity.people SET email = 'new@example.com'")
    with pytest.raises(LinkUsed):  # it proved another address
        await identity.verify_email(guest(at), token=link)
    assert (await identity.me(ctx)).status == "pending"


async def test_accounts_made_by_the_system_are_active(
    identity: IdentityService, at: SettableClock, post: Post, db: Database
) -> None:
    made = await identity.register(system(at), id=uuid4(), email=ADA, password=PASSWORD, name="Ada")
    assert made.status == "active"
    off = identity_of(db, at, email_verification="off")
    bob = await off.register(
        guest(at), id=uuid4(), email="bob@example.com", password=PASSWORD, name="Bob"
    )
    assert bob.status == "active"
    assert await identity.send_letters(system(at)) == 0


@pytest.mark.parametrize(
    "password",
    ["Dragon123!", "dr4g0n2024", "P@ssw0rd2025", "LiverpoolLiverpool", "aaaaaaaaaa", "abcabcabc",
     "qwertyui", "76543210", "Lovelace!", "ada@example", "ｐassword".replace("ｐ", "p")],
)  # fmt: skip
def test_what_is_guessed_first(password: str) -> None:
    assert is_guessable(password, ADA, *ADA.split("@"), "Ada Lovelace", "Lovelace", "ada@example")


@pytest.mark.parametrize(
    "password", ["correct horse", "dragon84729164823", "tr0ub4dor&3", "  spaces  ", "ভালো ঘোড়া"]
)
def test_what_is_not(password: str) -> None:
    assert not is_guessable(password, ADA, "Ada")


@pytest.mark.parametrize(
    ("password", "named"),
    [
        ("Bazaar2026!", "the market"),
        ("b4zaar-1971", "the market"),
        ("BlueBarn2026", "a vendor"),
        ("blue barn & co.", "a vendor"),
        ("Project-Heron!", "the operator's list"),
        ("heronheron1", "the operator's list"),
    ],
)
async def test_no_password_is_a_name_of_the_market(
    db: Database, at: SettableClock, password: str, named: str
) -> None:
    identity = identity_of(db, at, password_words="Project Heron, heron")
    ids = [uuid4(), uuid4()]
    await identity.know_names(system(at), vendor_ids=ids, names=["Blue Barn & Co.", "Ox"])
    given = {"email": ADA, "password": password, "name": "Ada"}
    with pytest.raises(PasswordWeak) as weak:
        await identity.register(guest(at), id=uuid4(), **given)
    assert weak.value.fields[0].path == "password"
    if named == "a vendor":  # that is called something else from now on
        await identity.know_names(system(at), vendor_ids=ids[:1], names=["Red Barn"])
        await identity.register(guest(at), id=uuid4(), **given)


async def test_a_list_of_breached_passwords(
    db: Database, at: SettableClock, tmp_path: Path
) -> None:
    known = [f"breached {n}" for n in range(500)]
    digests = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in known)
    for end in ("\n", "\r\n", ":42\r\n", ":3\n"):
        file = tmp_path / f"list{len(end)}"
        file.write_text("".join(one + end for one in digests), newline="")
        found = Breached(file)
        assert all(found.knows(one) for one in known)
        assert not any(found.knows(f"unheard of {n}") for n in range(500))
    identity = identity_of(db, at, breached_passwords=file)
    with pytest.raises(PasswordWeak, match="breached"):
        await identity.register(guest(at), id=uuid4(), email=ADA, password="breached 7", name="Ada")
    (tmp_path / "no").write_text("password\n")
    with pytest.raises(ValueError, match="SHA-1"):
        Breached(tmp_path / "no")


async def test_a_password_is_its_letters_however_they_are_composed(
    identity: IdentityService, at: SettableClock
) -> None:
    await identity.register(
        guest(at), id=uuid4(), email=ADA, password="cafe\u0301 au lait", name="Ada"
    )
    await entered(identity, at, "caf\u00e9 au lait")
