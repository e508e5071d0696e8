"""What a question finds whose words are all known, and yet hardly what was meant."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.engines.search import Index, Question, Signal, open_search
from haat.engines.search.spelling import (
    LEFT_OUT,
    NEAR_KEY,
    OTHER_KEY,
    SLIP,
    SWAPPED,
    TWICE_HIT,
    slip_cost,
)
from tests.engines.test_search import SHAPE, goods, write

# More than SELDOM have a word that is another one's slip: such words are what somebody may mean.
TITLES = {
    "hub": ("USB hub {n} ports", 20),
    "sub": ("Sub woofer {n}", 40),
    "railway": ("Railway model {n}", 500),
    "card": ("RTX 2060 graphics card {n}", 20),
    "processor": ("Processor 2600 boxed {n}", 40),
    "newer": ("Cooler 3060 for cases {n}", 40),
    "memory": ("SD case and memory {n}", 12),
    "plate": ("লাল থালি {n}", 12),
    "bag": ("নীল থলি {n}", 40),
    "maker": ("Tripp surge protector {n}", 40),
    "stand": ("Tripod {n}", 12),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Index]:
    folder: Path = tmp_path_factory.mktemp("slips")
    engine = open_search(str(folder / "search"))
    found = engine.index("goods", SHAPE)
    made = [
        goods(f"{name}{n}", title.format(n=f"x{n}y"), sold=n)
        for name, (title, many) in TITLES.items()
        for n in range(many)
    ]
    made.append(goods("both", "RTX board", "With 3060 in its text"))
    made.append(goods("other", "Sub with a hub"))
    await write(found, *made)
    yield found
    await engine.aclose()


slips = pytest.mark.asyncio(loop_scope="module")


@slips
@pytest.mark.parametrize(
    ("words", "meant", "first"),
    [
        ("rtx 2600", "rtx 2060", "card"),  # digits that changed places
        ("rtx 260", "rtx 2060", "card"),  # and one that was left out
        ("woo fer sub", "woofer sub", "sub"),  # a space in a word
        ("usbhub", "usb hub", "hub"),  # none between two
        ("s dcase", "sd case", "memory"),  # one too early
        ("লাল থলি", "লাল থালি", "plate"),  # a known word, never beside the other
        ("সুন্দর থা লি", "সুন্দর থালি", "plate"),
        ("tripd", "tripod", "stand"),  # one way to it; tripp is one of many
    ],
)
async def test_what_was_meant(index: Index, words: str, meant: str, first: str) -> None:
    answer = await index.ask(Question(words=words))
    assert answer.meant == meant
    assert answer.hits[0].id.startswith(first)


@slips
@pytest.mark.parametrize("words", ["usb hub", "rtx 2060", "sd case", "tripp surge", "লাল থালি"])
async def test_what_stands_together_is_not_doubted(index: Index, words: str) -> None:
    assert (await index.ask(Question(words=words))).meant is None


@slips
async def test_what_was_typed_is_found_behind_what_was_meant(index: Index) -> None:
    answer = await index.ask(Question(words="sub hub", limit=40))
    assert answer.meant == "usb hub"
    found = [hit.id for hit in answer.hits]
    assert found[0].startswith("hub")
    assert found[-1] == "other"


@slips
async def test_another_digit_is_another_thing(index: Index) -> None:
    answer = await index.ask(Question(words="rtx 3060"))
    assert answer.meant is None
    assert [hit.id for hit in answer.hits] == ["both"]


@slips
async def test_who_wants_no_corrections_gets_none(index: Index) -> None:
    answer = await index.ask(Question(words="sub hub", corrects=False))
    assert [hit.id for hit in answer.hits] == ["other"]


@pytest.mark.parametrize(
    ("typed", "meant", "cost"),
    [
        ("tripd", "tripod", LEFT_OUT),
        ("tirpod", "tripod", SWAPPED),
        ("trippod", "tripod", TWICE_HIT),
        ("tripid", "tripod", NEAR_KEY),  # i is beside o
        ("tripiod", "tripod", NEAR_KEY),
        ("tripad", "tripod", OTHER_KEY),
        ("tripodq", "tripod", OTHER_KEY),
        ("tirpd", "tripod", 2 * SLIP),
    ],
)
def test_what_a_slip_costs(typed: str, meant: str, cost: float) -> None:
    assert slip_cost(typed, meant) == cost


_known = st.sampled_from(["usb", "hub", "sub", "rtx", "2060", "260", "লাল", "শাড়ি", "s", "tripd"])
_signs = st.sampled_from([" ", " ", '"', "-", " OR ", "|", "(", "*", "\0", "\ud800", "^2", ":"])
_words = st.lists(_known | _signs | st.text(max_size=5), max_size=14).map("".join)


@slips
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=_words | st.text(max_size=60))
async def test_any_text_is_answered_and_its_parts_are_the_score(index: Index, words: str) -> None:
    signals = {"sold": Signal(0.5, 0, 20)}
    answer = await index.ask(Question(words=words, signals=signals, explains=True, limit=5))
    assert answer.total >= len(answer.hits)
    for hit in answer.hits:
        given = [one.score for one in hit.why if one.field in ("", *signals)]
        assert hit.score == pytest.approx(sum(given))


@slips
async def test_very_long_questions_are_answered(index: Index) -> None:
    for words in ("a" * 100_000, "usb " * 20_000, '"' * 10_001, "-" * 50_000, "১" * 30_000):
        await index.ask(Question(words=words))
