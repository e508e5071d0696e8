"""Counting very many hits: a sample that is told, with sums near what is there."""

from pathlib import Path

import pytest

from haat.engines.search import Document, Question, Shape, counting, open_search
from haat.engines.search.embedded import FolderIndex

SHAPE = Shape(texts={"title": 1.0}, heading="title", spelt=("title",), keywords=("brand",),
              numbers=("price",))  # fmt: skip
MANY = 2000
ALL = Question(facets={"brand": 10}, ranges={"price": (500,)})


@pytest.fixture
async def index(tmp_path: Path) -> FolderIndex:
    found = open_search(str(tmp_path)).index("goods", SHAPE)
    assert isinstance(found, FolderIndex)
    async with found.writing() as writer:
        assert writer is not None
        for start in range(0, MANY, 500):  # several segments
            await writer.put([_document(number) for number in range(start, start + 500)])
            await writer.commit(str(start))
        await writer.take_over()
    return found


def _document(number: int) -> Document:
    brand = "many" if number % 10 else "few"
    keywords, numbers = {"brand": [brand]}, {"price": number % 1000}
    return Document(f"id-{number}", {"title": "thing"}, keywords, numbers, b"{}")


async def test_a_few_are_counted_one_by_one(index: FolderIndex) -> None:
    answer = await index.ask(ALL)
    assert answer.share == 1.0
    assert answer.facets["brand"] == (("many", 1800), ("few", 200))
    assert answer.ranges["price"] == (1000, 1000)


async def test_of_very_many_a_sample_is_counted(
    index: FolderIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED_MAX", 1000)
    monkeypatch.setattr(counting, "SAMPLE", 600)
    answer = await index.ask(ALL)
    assert answer.total == MANY
    assert answer.share == pytest.approx(0.3)
    counts = dict(answer.facets["brand"])
    assert sum(counts.values()) == pytest.approx(MANY, abs=2)
    assert counts["many"] == pytest.approx(1800, rel=0.05)
    assert counts["few"] == pytest.approx(200, rel=0.4)
    assert counts["few"] != 200  # an estimate, or this proves nothing
    assert sum(answer.ranges["price"]) == pytest.approx(MANY, abs=2)
    assert len(answer.hits) == 24
    # the same sample on every page, and none where it was not wanted
    following = await index.ask(Question(facets=ALL.facets, ranges=ALL.ranges, skip=24))
    assert following.facets == answer.facets
    exact = await index.ask(Question(facets=ALL.facets, ranges=ALL.ranges, samples=False))
    assert exact.share == 1.0
    assert dict(exact.facets["brand"])["few"] == 200
