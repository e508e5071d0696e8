"""One suite for every search engine. A new one joins by its URL in ENGINES."""

from collections.abc import AsyncIterator
from dataclasses import replace
from math import cos, radians
from pathlib import Path

import pytest
import pytest_asyncio

from haat.engines.search import (
    AnyOf,
    Between,
    Document,
    Index,
    Near,
    Question,
    SearchAway,
    SearchEngine,
    Shape,
    Signal,
    Sort,
    Synonyms,
    meaning,
    open_search,
)

ENGINES = ("embedded",)
SHAPE = Shape(
    texts={"title": 1.0, "brand": 0.6, "text": 0.8},
    heading="title",
    spelt=("title", "brand"),
    codes=("title", "codes"),
    keywords=("brand", "shelf"),
    numbers=("price", "sold"),
)


def goods(
    id: str, title: str, text: str = "", *, brand: str = "", price: int = 100, sold: int = 0,
    shelves: tuple[str, ...] = (), codes: str = "", at: tuple[float, float] | None = None,
) -> Document:  # fmt: skip
    return Document(
        id,
        texts={"title": title, "text": text, "brand": brand, "codes": codes},
        keywords={"brand": [brand] if brand else [], "shelf": list(shelves)},
        numbers={"price": price, "sold": sold},
        payload=f"payload of {id}".encode(),
        at=at,
    )


GOODS = (
    goods("headset", "Sony WH-1000XM4 wireless headphones", brand="Sony", price=300,
          shelves=("audio", "audio/head"), codes="4548736112001"),
    goods("console", "PlayStation console PS4 500GB", brand="Sony", price=250, sold=900,
          shelves=("games",)),
    goods("tablet", 'Tablet 10,4" silver', brand="Acme", price=200, shelves=("computers",)),
    goods("notebook", "Acme notebook 14 inch", "A light computer", brand="Acme", price=900,
          shelves=("computers",)),
    goods("lock", "Cable lock for computers", "Keeps a notebook where it is", price=20,
          shelves=("computers", "locks")),
    goods("pad", "Mouse pad", price=5, shelves=("computers",)),
    goods("mouse", "Optical mouse", price=15, sold=10, shelves=("computers",)),
    goods("watch", "Acme smartwatch", brand="Acme", price=150),
    goods("bowl", "লাল বাটি", "মাটির তৈরি", price=40),
    goods("chair", "Kitchen chairs", price=70, sold=3),
    goods("dish", "Crème brûlée dish", price=30),
)  # fmt: skip


@pytest_asyncio.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchEngine]:
    opened = open_search(str(tmp_path / "search"))
    yield opened
    await opened.aclose()


async def write(index: Index, *documents: Document, gone: tuple[str, ...] = ()) -> None:
    async with index.writing() as writer:
        assert writer is not None
        is_first = writer.position is None
        await writer.put(documents, gone)
        await writer.commit(str(int(writer.position or 0) + 1))
        if is_first:
            await writer.take_over()


@pytest_asyncio.fixture
async def index(engine: SearchEngine) -> Index:
    found = engine.index("goods", SHAPE)
    await write(found, *GOODS)
    return found


async def ids(index: Index, question: Question | str) -> list[str]:
    asked = Question(words=question) if isinstance(question, str) else question
    return [hit.id for hit in (await index.ask(asked)).hits]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        # Long and short vowels, the letters for s, n and r, what is written and not heard.
        ("লাল শাড়ি", "লাল সারী"),
        ("বাংলা বই", "বাঙলা বই"),
        ("রূপার আংটি", "রুপার আঙটি"),
        ("কাঁথা", "কাথা"),
        ("বিশ্ব মানচিত্র", "বিশ মানচিত্র"),
        ("গ্রীষ্মের পোশাক", "গ্রিস্মের পোষাক"),
        ("সূতির জামা", "সুতির জামা"),
        ("ব্যাগ", "বেগ"),
        # Endings: plural, whose, the.
        ("মাটির হাঁড়ি", "হাড়িগুলো"),
        ("বাচ্চাদের খেলনা", "বাচ্চা খেলনা"),
        ("চশমা", "চশমাটি"),
        ("কাঠের চেয়ার", "কাঠ চেয়ার"),
        # Digits of either script, and a joiner that nobody sees.
        ("চাল ৫ কেজি", "চাল 5 কেজি"),
        ("র‍্যাকেট", "র্যাকেট"),
        # A slip in a long word.
        ("মোমবাতি", "মোমবাতী"),
        ("সোয়েটার", "সোয়েটর"),
    ],
)
async def test_bengali_goods_are_found_however_they_are_written(
    engine: SearchEngine, title: str, words: str
) -> None:
    index = engine.index("goods", SHAPE)
    await write(index, goods("this", title), goods("other", "নীল কলম"), goods("mug", "Red mug"))
    assert await ids(index, words) == ["this"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("headphones", "headset"),
        ("headphone", "headset"),
        ("wh-1000xm4", "headset"),
        ("wh1000xm4", "headset"),
        ("WH 1000 XM4", "headset"),
        ("1000xm4", "headset"),
        ("4548736112001", "headset"),
        ("ps4", "console"),
        ("ps 4", "console"),
        ("500 gb", "console"),
        ("500gb", "console"),
        ('10.4"', "tablet"),
        ("10,4 inch tablet", "tablet"),
        ("chair", "chair"),
        ("optical", "mouse"),
        ("brulee", "dish"),
        ("BRÛLÉE", "dish"),
        ("বাটি", "bowl"),
        ("বাটী", "bowl"),  # the long vowel, as others write it
        ("smart watch", "watch"),
        ("smartwach", "watch"),
        ("notebok", "notebook"),
        ("ontebook", "notebook"),
        ("eadphones", "headset"),
        ("mousepad", "pad"),
        ("hea", "headset"),
    ],
)
async def test_words_find(index: Index, words: str, first: str) -> None:
    found = await ids(index, words)
    assert found[:1] == [first], found


async def test_where_a_word_stands_counts(index: Index) -> None:
    assert await ids(index, "notebook") == ["notebook", "lock"]


async def test_every_word_then_most_then_any(index: Index) -> None:
    every = await index.ask(Question(words="acme notebook"))
    assert (every.matched, [hit.id for hit in every.hits]) == ("every", ["notebook"])
    most = await index.ask(Question(words="acme notebook chair", corrects=False))
    assert (most.matched, [hit.id for hit in most.hits]) == ("most", ["notebook"])
    some = await index.ask(Question(words="chair zzzzzz", corrects=False))
    assert (some.matched, [hit.id for hit in some.hits]) == ("any", ["chair"])
    assert (await index.ask(Question(words="zzzzzz", corrects=False))).total == 0


async def test_what_was_meant_is_said(index: Index) -> None:
    assert (await index.ask(Question(words="notebok"))).meant == "notebook"
    assert (await index.ask(Question(words="optcal mouse"))).meant == "optical mouse"
    assert (await index.ask(Question(words="notebook"))).meant is None
    assert (await index.ask(Question(words="notebok", corrects=False))).total == 0


async def test_an_exact_match_stands_before_a_corrected_one(index: Index) -> None:
    await write(index, goods("moose", "Moose antlers"))
    assert (await ids(index, "moose"))[0] == "moose"
    assert set(await ids(index, "mouse")) == {"mouse", "pad"}


async def test_synonyms(index: Index) -> None:
    known = Synonyms([["laptop", "notebook"], ["seat", "kitchen chair"]])
    assert (await ids(index, Question(words="laptop", synonyms=known)))[0] == "notebook"
    assert await ids(index, Question(words="seat", synonyms=known)) == ["chair"]
    assert (await index.ask(Question(words="laptop", corrects=False))).total == 0


async def test_synonyms_that_hold_in_one_direction(engine: SearchEngine) -> None:
    """And what a word itself finds stands before what another word finds, however rare that is."""
    index = engine.index("goods", SHAPE)
    await write(
        index,
        *(goods(f"laptop{n}", "Laptop 14 inch") for n in range(30)),
        goods("paper", "Notebook, ruled paper"),
    )
    known = Synonyms([], [["laptop", "notebook"]])
    found = await index.ask(Question(words="laptop", synonyms=known, limit=40))
    assert (found.total, found.hits[-1].id) == (31, "paper")
    assert await ids(index, Question(words="notebook", synonyms=known)) == ["paper"]


@pytest.mark.skipif(not meaning.is_there(), reason="the extra haat[semantic] is not installed")
async def test_what_means_the_same_comes_first(engine: SearchEngine) -> None:
    index = engine.index("goods", SHAPE)
    await write(
        index,
        goods("wax", "Polish for dining tables of oak", "for furniture of the kitchen"),
        goods("desk", "Oak desk and chair", "for furniture of the kitchen"),
    )
    plain = await index.ask(Question(words="kitchen furniture", explains=True))
    told = await index.ask(Question(words="kitchen furniture", meaning=1.0, explains=True))
    assert told.hits[0].id == "desk"
    shares = {hit.id: [r.score for r in hit.why if r.what == "meaning"] for hit in told.hits}
    assert shares["desk"] > shares["wax"]
    assert all(reason.what != "meaning" for hit in plain.hits for reason in hit.why)


async def test_without_the_extra_meaning_adds_nothing(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "is_there", lambda: False)
    plain = await index.ask(Question(words="notebook"))
    told = await index.ask(Question(words="notebook", meaning=1.0))
    assert [(hit.id, hit.score) for hit in told.hits] == [(h.id, h.score) for h in plain.hits]


async def test_phrases_and_words_left_out(index: Index) -> None:
    assert await ids(index, '"mouse pad"') == ["pad"]
    assert await ids(index, '"pad mouse"') == []
    assert await ids(index, "mouse -optical") == ["pad"]
    assert set(await ids(index, "chair OR tablet")) == {"chair", "tablet"}


async def test_filters_and_counts(index: Index) -> None:
    question = Question(
        words="",
        filters=(AnyOf("shelf", ("computers",)), Between("price", 10, 200)),
        facets={"shelf": 10, "brand": 10},
        ranges={"price": (18, 100)},
    )
    answer = await index.ask(question)
    assert {hit.id for hit in answer.hits} == {"lock", "mouse", "tablet"}
    assert answer.total == 3
    assert answer.facets["shelf"] == (("computers", 3), ("locks", 1))
    assert answer.facets["brand"] == (("Acme", 1),)
    assert answer.ranges["price"] == (1, 1, 1)
    none = await index.ask(Question(filters=(AnyOf("shelf", ()),)))
    assert none.total == 0


async def test_a_circle(index: Index) -> None:
    """Everything within it is found, nothing a little outside, on both sides of the date line."""
    places = []
    for number, (latitude, longitude) in enumerate([(23.8, 90.4), (-17.8, 179.99), (60.0, 10.0)]):
        degree = 111.195
        for km in (0.0, 9.0, 11.5):
            north = (latitude + km / degree, longitude)
            east = (latitude, longitude + km / (degree * cos(radians(latitude))))
            wrapped = (east[0], east[1] - 360 if east[1] > 180 else east[1])
            places += [(f"{number} {km} n", north), (f"{number} {km} e", wrapped)]
    await write(index, *(goods(id, "place", at=at) for id, at in places))
    for number, (latitude, longitude) in enumerate([(23.8, 90.4), (-17.8, 179.99), (60.0, 10.0)]):
        near = Near(latitude, longitude, km=10.0)
        found = await index.ask(Question(filters=(near,), limit=50))
        expected = {id for id, _ in places if id[0] == str(number) and "11.5" not in id}
        assert {hit.id for hit in found.hits} == expected


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("words", ["", "thing"])
async def test_pages_of_a_sorted_list_are_exact(
    engine: SearchEngine, words: str, falling: bool
) -> None:
    index = engine.index("things", SHAPE)
    things = [goods(f"thing {n}", "thing", price=n % 4) for n in range(23)]
    for start in range(0, 23, 6):  # in several segments
        await write(index, *things[start : start + 6])
    seen: list[tuple[int, str]] = []
    after = None
    while True:
        question = Question(words=words, sort=Sort("price", falling), after=after, limit=5)
        page = (await index.ask(question)).hits
        seen += [(hit.place[0], hit.id) for hit in page]
        if len(page) < 5:
            break
        after = page[-1].place
        await write(index, goods("later", "another", price=2))  # the index is laid out anew
    shown = [id for _, id in seen if id != "later"]
    assert sorted(shown) == sorted(one.id for one in things)
    prices = [price for price, _ in seen]
    assert prices == sorted(prices, reverse=falling)


async def test_the_nearest_first_and_how_many_are_within(engine: SearchEngine) -> None:
    index = engine.index("things", SHAPE)
    places = [(23.8 + n / 10, 90.4) for n in range(20)]
    await write(index, *(goods(f"t{n}", "thing", at=at) for n, at in enumerate(places)))
    await write(index, goods("nowhere", "thing"))
    asked = Question(words="thing", point=(23.8, 90.4), nearest=True, rings=(12, 120), limit=7)
    found = await index.ask(asked)
    assert [hit.id for hit in found.hits] == [f"t{n}" for n in range(7)]
    assert [round(hit.km or 0) for hit in found.hits[:3]] == [0, 11, 22]
    assert found.within == (2, 11)
    rest = await index.ask(replace(asked, skip=7, limit=50))
    assert [hit.id for hit in rest.hits] == [f"t{n}" for n in range(7, 20)]
    measured = await index.ask(replace(asked, nearest=False, limit=50))
    assert {hit.id: hit.km for hit in measured.hits}["nowhere"] is None


async def test_a_group_is_counted_without_its_own_filter(index: Index) -> None:
    brand = AnyOf("brand", ("Sony",), apart=("brand",))
    found = await index.ask(Question(filters=(brand,), facets={"brand": 9, "shelf": 9}))
    assert dict(found.facets["brand"]) == {"Acme": 3, "Sony": 2}
    assert dict(found.facets["shelf"]) == {"audio": 1, "audio/head": 1, "games": 1}
    cheap = Between("price", high=260, apart=("price",))
    both = await index.ask(Question(filters=(brand, cheap), facets={"brand": 9},
                                    ranges={"price": (100, 260)}))  # fmt: skip
    assert dict(both.facets["brand"]) == {"Acme": 2, "Sony": 1}
    assert both.ranges["price"] == (0, 1, 1)


async def test_pages_by_relevance_hold_each_hit_once(engine: SearchEngine) -> None:
    index = engine.index("things", SHAPE)
    await write(index, *(goods(f"t{n}", "thing " * (1 + n % 3)) for n in range(250)))
    seen = []
    for skip in range(0, 250, 20):
        seen += await ids(index, Question(words="thing", skip=skip, limit=20))
    assert len(seen) == len(set(seen)) == 250


async def test_signals_and_why(index: Index) -> None:
    plain = await index.ask(Question(words="sony"))
    assert {hit.id for hit in plain.hits} == {"console", "headset"}
    signal = {"sold": Signal(1.0, 0, 1000)}
    told = await index.ask(Question(words="sony", signals=signal, explains=True))
    assert told.hits[0].id == "console"
    reasons = {(one.what, one.field): one.score for one in told.hits[0].why}
    assert reasons["sold", "sold"] == pytest.approx(0.9)
    assert reasons["sony", "brand"] > 0
    assert plain.hits[0].why == ()


async def test_completions(index: Index) -> None:
    found = await index.complete("mou", limit=5)
    assert [hit.heading for hit in found] == ["Mouse pad", "Optical mouse"]
    assert found[0].payload == b"payload of pad"
    assert [hit.id for hit in await index.complete("wireless hea", limit=5)] == ["headset"]
    assert [hit.id for hit in await index.complete("বা", limit=5)] == ["bowl"]
    assert await index.complete("  ", limit=5) == []
    only = await index.complete("mou", limit=5, filters=(Between("price", 10),))
    assert [hit.id for hit in only] == ["mouse"]


async def test_changes_and_removals(index: Index) -> None:
    await write(index, goods("mouse", "Trackball"), gone=("pad",))
    assert await ids(index, Question(words="mouse", corrects=False)) == []
    assert await ids(index, "trackball") == ["mouse"]
    assert (await index.ask(Question())).total == len(GOODS) - 1


async def test_one_writes_and_all_read(engine: SearchEngine, tmp_path: Path) -> None:
    mine = engine.index("goods", SHAPE)
    other_engine = open_search(str(tmp_path / "search"))
    other = other_engine.index("goods", SHAPE)
    with pytest.raises(SearchAway):
        await other.ask(Question())
    assert await other.position() is None
    async with mine.writing() as writer:
        assert writer is not None
        async with other.writing() as second:
            assert second is None
        await writer.put([goods("a", "apple")])
        await writer.commit("seven")
        await writer.take_over()
        assert await other.position() == "seven"
        assert await ids(other, "apple") == ["a"]
    async with other.writing() as second:
        assert second is not None
        assert second.position == "seven"
    await other_engine.aclose()


async def test_a_new_edition_is_filled_beside_the_old(index: Index) -> None:
    async with index.writing() as writer:
        assert writer is not None
        later = await writer.begin_again()
        await later.put([goods("new", "Only this")])
        await writer.put([goods("lamp", "Desk lamp")])
        await writer.commit("2")
        assert await ids(index, "lamp") == ["lamp"]
        assert await ids(index, "mouse")
        await later.commit("3")
        assert (await index.ask(Question())).total == len(GOODS) + 1
        await later.take_over()
        assert await ids(index, Question()) == ["new"]
        await later.put([goods("newer", "And this")])
        await later.commit("4")
    assert await index.position() == "4"
    assert set(await ids(index, Question())) == {"new", "newer"}


async def test_another_shape_begins_anew(engine: SearchEngine, tmp_path: Path) -> None:
    await write(engine.index("goods", SHAPE), *GOODS)
    wider = Shape(
        texts={**SHAPE.texts, "colour": 0.3}, heading="title", spelt=("title",), keywords=("brand",)
    )
    again = open_search(str(tmp_path / "search")).index("goods", wider)
    assert await again.position() is None
    async with again.writing() as writer:
        assert writer is not None
        assert writer.position is None


async def test_nothing_is_an_engine_too() -> None:
    index = open_search("none://").index("goods", SHAPE)
    async with index.writing() as writer:
        assert writer is not None
        await writer.put(GOODS)
        await writer.commit("1")
    assert await index.position() == "1"
    assert (await index.ask(Question(facets={"brand": 3}))).facets == {"brand": ()}
    assert await index.complete("mou", limit=3) == []


def test_an_unknown_engine() -> None:
    with pytest.raises(ValueError, match="no search engine for 'gopher'"):
        open_search("gopher://somewhere")
