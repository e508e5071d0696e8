"""What is private is gone from a WebM, what plays is there to the byte, whatever was sent."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from haat.domains.people.media.webm import NoFilm, WebM, element_at, without_comments
from tests.domains.people.uploading import element, webm

WORDS = b"Ada at +52.5200+13.4050"
PARENTS = (0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1F43B675, 0x114D9B74)


def cleaned(content: bytes, cuts: Iterable[int] = ()) -> bytes:
    """What is kept of it, sent in pieces that end there."""
    film, out, start = WebM(), [], 0
    for cut in [*sorted(cuts), len(content)]:
        out.append(film.take(content[start:cut]))
        start = cut
    return b"".join(out) + film.end()


def leaves(content: bytes, ends: int | None = None) -> Iterator[tuple[int, int, bytes]]:
    """Place, id and content of everything, as somebody who plays it meets it."""
    at, last = 0, len(content) if ends is None else ends
    while at < last:
        found = element_at(content, at)
        assert found is not None, at
        at += found.length
        if found.id in PARENTS:
            continue  # what is in it comes next
        assert found.size is not None
        assert at + found.size <= last
        yield at, found.id, content[at : at + found.size]
        at += found.size


@pytest.mark.parametrize("live", [False, True])
def test_words_go_and_pictures_stay(live: bool) -> None:
    content = webm(words=WORDS, live=live)
    kept = cleaned(content)
    assert len(kept) == len(content)
    assert WORDS[:3] not in kept
    assert b"12345678" not in kept, "when it was made"
    before = {at: (id, data) for at, id, data in leaves(content)}
    for at, id, data in leaves(kept):
        if id == 0xEC:
            assert not any(data), "a void is empty"
        elif id in (0x4D80, 0x5741):
            assert before[at] == (id, WORDS)
            assert not any(data), "it must be there, so it is blank"
        elif id != 0x63A2:
            assert before[at] == (id, data), hex(id)
    stay = {id for _, id, _ in leaves(kept)}
    assert {0x2AD7B1, 0xD7, 0x86, 0xE0, 0xE7, 0xA3, 0x4282, 0x63A2} <= stay
    assert not stay & {0x7BA9, 0x1254C367, 0x1941A469, 0xBF, 0x4461, 0x536E}
    # Its index points at what is there.
    assert [data for _, id, data in leaves(kept) if id == 0x4DBB] == [
        element(0x53AB, 0x1549A966.to_bytes(4, "big")) + element(0x53AC, b"\x40")
    ]
    assert cleaned(kept) == kept


@given(st.lists(st.integers(0, len(webm(200))), max_size=20), st.booleans())
@example(range(len(webm(200))), False)
def test_pieces_make_no_difference(cuts: list[int], live: bool) -> None:
    content = webm(200, live=live)
    cuts = [cut for cut in cuts if cut <= len(content)]
    assert cleaned(content, cuts) == cleaned(content)


@given(st.data())
def test_a_broken_one_is_refused_or_as_long(data: st.DataObject) -> None:
    content = bytearray(webm(100, live=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for broken in (bytes(content), bytes(content[:cut])):
        with suppress(NoFilm):
            kept = cleaned(broken)
            assert len(kept) == len(broken)
            assert cleaned(kept) == kept
            list(leaves(kept))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_taken_or_refused(content: bytes, behind: bool) -> None:
    with suppress(NoFilm):
        whole = webm(50) + content if behind else content
        assert len(cleaned(whole)) == len(whole)


IDS = st.sampled_from(
    [0x1654AE6B, 0x1549A966, 0xAE, 0x1F43B675, 0x1254C367, 0x114D9B74, 0x4DBB, 0x63A2, 0x536E,
     0x4D80, 0xEC, 0xBF, 0xA3, 0xE7, 0x1C53BB6B, 0x4D7A]
)  # fmt: skip
TREES = st.recursive(
    st.builds(lambda id, data, width: element(id, data, width=width),
              IDS, st.binary(max_size=12), st.integers(0, 8)),
    lambda inner: st.builds(lambda id, parts, width: element(id, *parts, width=width),
                            IDS, st.lists(inner, max_size=4), st.integers(0, 8)),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(TREES, max_size=6), st.booleans())
def test_any_tree_keeps_its_shape(parts: list[bytes], live: bool) -> None:
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    must = element(0x1654AE6B) + element(0x1F43B675, element(0xE7, b"\0"))
    content = head + element(0x18538067, *parts, must, endless=live)
    with suppress(NoFilm):
        kept = cleaned(content)
        assert len(kept) == len(content)
        assert kept.endswith(must)
        assert cleaned(kept) == kept


@pytest.mark.parametrize(
    "content",
    [
        b"",
        webm()[:-1],
        webm()[8:],
        webm() + b"PK\x03\x04 behind",
        webm() + webm(),
        element(0x1A45DFA3, element(0x4282, b"webm")),
        element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, b"\0" * 50),
        element(0x1A45DFA3, bytes(2000)) + element(0x18538067),
    ],
)
def test_what_does_not_fit_is_refused(content: bytes) -> None:
    with pytest.raises(NoFilm):
        cleaned(content)


@given(st.binary(max_size=80))
def test_a_setup_keeps_its_length(setup: bytes) -> None:
    for one in (setup, b"\x02" + setup, b"\x02\x04\x20\x01vor\x03vorbis" + setup):
        assert len(without_comments(one)) == len(one)
