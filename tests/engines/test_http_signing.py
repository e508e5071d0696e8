"""Tokens, signed links, sealed cookies and the secret they are made from."""

import base64
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from haat.engines.http import (
    AccessClaims,
    SessionEnded,
    Signer,
    TokenExpired,
    TokenInvalid,
    Tokens,
    load_secret,
)
from haat.engines.http.keyring import (
    SIGNS_AFTER,
    VERIFIES_FOR,
    read_ring,
    ring_path,
    rotated,
    write_ring,
)
from haat.engines.http.signing import LinkExpired, LinkInvalid
from haat.kernel.clock import SettableClock

SECRET = bytes(range(32))
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def clock() -> SettableClock:
    return SettableClock(NOON)


def claims(**given: Any) -> AccessClaims:
    return AccessClaims(person_id=uuid4(), session_id=uuid4(), **given)


def test_tokens_keep_what_they_say() -> None:
    tokens = Tokens(SECRET, clock())
    said = claims(
        scopes=frozenset({"a", "b"}), roles=("staff",), vendor_id=uuid4(), vendor_role="owner"
    )
    read = tokens.read(tokens.issue(said, FIVE_MINUTES))
    assert read.expires_at == NOON + FIVE_MINUTES
    assert (read.person_id, read.session_id, read.scopes) == (
        said.person_id,
        said.session_id,
        said.scopes,
    )
    assert (read.roles, read.vendor_id, read.vendor_role) == (("staff",), said.vendor_id, "owner")


def test_only_our_tokens_are_read() -> None:
    ours = Tokens(SECRET, clock())
    others = (
        Tokens(bytes(32), clock()),
        Tokens(SECRET, clock(), issuer="x"),
        Tokens(SECRET, clock(), audience="x"),
    )
    for other in others:
        with pytest.raises(TokenInvalid):
            ours.read(other.issue(claims(), FIVE_MINUTES))
    public = ours.public_jwks()["keys"][0]
    assert "d" not in public
    payload = {"iss": "haat", "aud": "haat", "exp": 2**40, "sub": str(uuid4()), "scope": "staff"}
    header = {"alg": "HS256", "typ": "at+jwt"}
    confused = jwt.encode(header, payload, OctKey.import_key(public["x"]))
    with pytest.raises(TokenInvalid):
        ours.read(confused)
    with pytest.raises(TokenInvalid):
        ours.read("eyJhbGciOiJub25lIn0.e30.")


def test_the_public_keys_verify() -> None:
    tokens = Tokens(SECRET, clock())
    keys = KeySet.import_key_set(tokens.public_jwks())  # type: ignore[arg-type]
    found = jwt.decode(tokens.issue(claims(), FIVE_MINUTES), keys, algorithms=["Ed25519"])
    assert found.claims["iss"] == "haat"


def test_keys_are_rotated(tmp_path: Path) -> None:
    time, path = clock(), ring_path(tmp_path / "secret.key")
    tokens, elsewhere = (Tokens(SECRET, time, ring=path) for _ in range(2))
    old = tokens.issue(claims(), timedelta(hours=24))
    elsewhere.read(old)
    write_ring(path, rotated(read_ring(path), time.now()))
    tokens.look()
    assert len(tokens.public_jwks()["keys"]) == 2
    # It is published before it signs, so that nobody is shown a token that they cannot verify.
    before = tokens.issue(claims(), FIVE_MINUTES)
    elsewhere.read(before)
    time.advance(SIGNS_AFTER)
    new = tokens.issue(claims(), timedelta(hours=24))
    with pytest.raises(TokenInvalid):
        elsewhere.read(new)
    elsewhere.look()
    for token in (old, before, new):
        elsewhere.read(token)
    assert len({jwt_header(token)["kid"] for token in (old, before, new)}) == 2
    time.advance(VERIFIES_FOR)
    write_ring(path, rotated(read_ring(path), time.now()))
    assert [one.number for one in read_ring(path)] == [2, 3]
    fresh = tokens.issue(claims(), FIVE_MINUTES)
    tokens.read(fresh)
    write_ring(path, rotated(read_ring(path), time.now(), drop=True))
    tokens.look()
    with pytest.raises(TokenInvalid):  # though it was read before
        tokens.read(fresh)
    tokens.read(tokens.issue(claims(), FIVE_MINUTES))


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"generations": []}', '{"generations": [{"number": 1}]}',
     '{"generations": [{"number": 1, "signsFrom": "2026-01-01T00:00:00"}]}'],
)  # fmt: skip
def test_a_spoilt_ring_changes_nothing(tmp_path: Path, text: str) -> None:
    path = ring_path(tmp_path / "secret.key")
    tokens = Tokens(SECRET, clock(), ring=path)
    token = tokens.issue(claims(), FIVE_MINUTES)
    path.write_text(text)
    with pytest.raises(ValueError, match="ring of keys"):
        tokens.look()
    tokens.read(token)


def test_headers_that_are_not_ours() -> None:
    tokens = Tokens(SECRET, clock())
    token = tokens.issue(claims(), FIVE_MINUTES)
    _, payload, signature = token.split(".")
    kid = jwt_header(token)["kid"]

    def with_header(**header: Any) -> str:
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        return f"{head}.{payload}.{signature}"

    spoilt = [
        {"alg": "none", "kid": kid, "typ": "at+jwt"},
        {"alg": "HS256", "kid": kid, "typ": "at+jwt"},
        {"alg": "Ed25519", "kid": "another", "typ": "at+jwt"},
        {"alg": "Ed25519", "kid": [kid], "typ": "at+jwt"},
        {"alg": "Ed25519", "kid": None, "typ": "at+jwt"},
        {"alg": "Ed25519", "typ": "at+jwt"},
        {"alg": "Ed25519", "kid": kid, "typ": "JWT"},
        {"alg": "Ed25519", "kid": kid, "typ": "at+jwt", "crit": ["x"]},
    ]
    for header in spoilt:
        for text in (with_header(**header), with_header(**header).rpartition(".")[0] + "."):
            with pytest.raises(TokenInvalid):
                tokens.read(text)


def test_tokens_of_ended_sessions() -> None:
    time = clock()
    tokens = Tokens(SECRET, time)
    ended, other = claims(), claims()
    token, going_on = (tokens.issue(one, timedelta(hours=24)) for one in (ended, other))
    tokens.read(token)
    tokens.end([ended.session_id])
    with pytest.raises(SessionEnded):
        tokens.read(token)
    tokens.read(going_on)
    time.advance(timedelta(hours=25))
    tokens.end([uuid4()])
    assert len(tokens._ended) == 1, "it is forgotten when no token can be left"


def test_a_proof_stands_in_the_token() -> None:
    tokens = Tokens(SECRET, clock())
    said = claims(proved_until=NOON + FIVE_MINUTES)
    assert tokens.read(tokens.issue(said, FIVE_MINUTES)).proved_until == NOON + FIVE_MINUTES
    assert tokens.read(tokens.issue(claims(), FIVE_MINUTES)).proved_until is None


def jwt_header(token: str) -> dict[str, Any]:
    head = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return found


def test_remembered_tokens_are_bounded_and_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haat.engines.http.tokens.CACHED_TOKENS", 3)
    time = clock()
    tokens = Tokens(SECRET, time)
    issued = [tokens.issue(claims(), FIVE_MINUTES) for _ in range(5)]
    first = [tokens.read(token) for token in issued]
    assert len(tokens._read) == 3
    assert tokens.read(issued[-1]) is first[-1]
    time.advance(FIVE_MINUTES)
    with pytest.raises(TokenExpired):
        tokens.read(issued[-1])


def test_signed_links() -> None:
    time = clock()
    signer = Signer(SECRET, time)
    link = signer.sign("order", "42/ä", NOON + FIVE_MINUTES)
    assert signer.verify("order", link) == "42/ä"
    assert signer.verify("order", signer.sign("order", "")) == ""
    for purpose, text in (
        ("reset", link),
        ("order", link[:-1]),
        ("order", "A" + link),
        ("order", ""),
        ("order", "..."),
        ("order", "é.0.é"),
    ):
        with pytest.raises(LinkInvalid):
            signer.verify(purpose, text)
    with pytest.raises(LinkInvalid):
        Signer(bytes(32), time).verify("order", link)
    time.advance(FIVE_MINUTES)
    with pytest.raises(LinkExpired):
        signer.verify("order", link)


def test_sealed_cookies() -> None:
    time = clock()
    signer = Signer(SECRET, time)
    cookie = signer.seal("session", "secret ä", NOON + FIVE_MINUTES)
    assert "secret" not in cookie
    assert cookie != signer.seal("session", "secret ä", NOON + FIVE_MINUTES)
    assert signer.unseal("session", cookie) == "secret ä"
    flipped = ("B" if cookie[20] == "A" else "A").join((cookie[:20], cookie[21:]))
    for purpose, text in (
        ("other", cookie),
        ("session", flipped),
        ("session", ""),
        ("session", "é"),
    ):
        assert signer.unseal(purpose, text) is None
    time.advance(FIVE_MINUTES)
    assert signer.unseal("session", cookie) is None


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(load_secret, [path] * 32))
    assert len(found) == 1
    assert len(found.pop()) == 32
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]
    path.write_text("short")
    with pytest.raises(ValueError, match="does not hold a secret"):
        load_secret(path)
