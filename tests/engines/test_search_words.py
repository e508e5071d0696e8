"""What words become, and which ones are guessed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.engines.search import bengali
from haat.engines.search.analysis import words
from haat.engines.search.reading import asked
from haat.engines.search.spelling import apart, distance, edits, ends, guesses, slips

GOLD = Path(os.environ.get("HAAT_TEST_DATA", "")) / "bengali" / "lucene_bn_gold.tsv"


def terms(text: str) -> list[str]:
    return [word.term for word in words(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Running SHOES", ["run", "shoe"]),
        ("men's", ["men"]),
        ("500GB", ["500", "gb"]),
        ('10,4"', ["10.4", "inch"]),
        ("15.6 inches", ["15.6", "inch"]),
        ("1,440", ["1", "440"]),
        ("Crème", ["creme"]),
        ("ＵＳＢ", ["usb"]),
        ("বাড়ী", ["বার"]),
        ("১২৩", ["123"]),
        ("لباس", ["لباس"]),
        ("", []),
        ("!?&-", []),
    ],
)
def test_terms(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_codes_are_known_joined_and_by_their_parts() -> None:
    [first, second] = words("WH-1000XM4")
    assert (first.term, first.forms) == ("wh", ("wh1000xm4",))
    assert (second.term, second.forms) == ("1000xm4", ("1000xm4", "1000", "xm", "4"))


def test_vowel_signs_stay_with_their_letters() -> None:
    assert [word.written for word in words("মাটির তৈরি বাটি")] == ["মাটির", "তৈরি", "বাটি"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("শাড়ি", "শাড়ী"), ("বাঙলা", "বাংলা"), ("চাঁদ", "চাদ"), ("কণা", "কনা"), ("ভূল", "ভুল")],
)
def test_spellings_of_one_word(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_every_ending_is_as_long_as_its_place_says() -> None:
    for ending, length in bengali.endings():
        assert len(ending) == length, ending


@pytest.mark.skipif(not GOLD.is_file(), reason="HAAT_TEST_DATA names no folder with gold pairs")
def test_gold_pairs() -> None:
    wrong = []
    for line in GOLD.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        kind, word, expected = line.split("\t")
        found = bengali.stemmed(word) if kind == "stem" else bengali.normalised(word)
        if found != expected:
            wrong.append((kind, word, expected, found))
    assert wrong == []


@given(st.text(max_size=60))
def test_any_text_has_words(text: str) -> None:
    for word in words(text):
        assert word.term
        assert not any(letter.isspace() for letter in word.term + word.written)
    assert len(asked(text).wanted) <= 12


def test_questions_are_taken_apart() -> None:
    read = asked('blue "running shoes" -kids')
    assert [word.written for word in read.wanted] == ["blue"]
    assert [word.written for word in read.phrases[0]] == ["running", "shoes"]
    assert [word.written for word in read.unwanted] == ["kids"]
    assert asked("bowl OR plate").any_will_do
    assert [word.written for word in asked("the bag with a strap").wanted] == ["bag", "strap"]
    assert [word.written for word in asked("the").wanted] == ["the"]
    assert [word.written for word in asked('17" bag').wanted] == ["17", "inch", "bag"]
    assert [word.written for word in asked('"open bag').wanted] == ["open", "bag"]


@pytest.mark.parametrize(
    ("one", "other", "slipped"),
    [
        ("mouse", "mouse", 0),
        ("mouse", "mose", 1),
        ("mouse", "muose", 1),
        ("mouse", "moose", 1),
        ("mouse", "amouse", 1),
        ("headphones", "haedphone", 2),
        ("cat", "elephant", 3),
    ],
)
def test_distances(one: str, other: str, slipped: int) -> None:
    assert distance(one, other, 2) == slipped
    assert distance(other, one, 2) == slipped


@given(st.text("abc", max_size=9), st.text("abc", max_size=9), st.sampled_from([1, 2]))
def test_the_quick_way_to_a_distance_is_right(one: str, other: str, most: int) -> None:
    assert min(apart(one, other, most), most + 1) == min(distance(one, other, most), most + 1)


_letters = st.text("abcd", min_size=4, max_size=8)


@given(_letters, st.data())
def test_one_slip_leaves_one_of_the_ends(word: str, data: st.DataObject) -> None:
    """Whatever was mistyped: the right word begins or ends as the wrong one does."""
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcd"))
    swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    for wrong in (
        word[:at] + letter + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + word[at + 1 :],
        swapped,
    ):
        if len(wrong) >= 4:
            start, end = ends(wrong)
            assert word.startswith(start) or word.endswith(end), (word, wrong)


def test_guesses() -> None:
    known = [("mouse", 300), ("moose", 2), ("house", 40), ("mousse", 1), ("screen", 500)]
    assert [one.word for one in guesses("mouze", known, 1)] == ["mouse"]
    assert guesses("muose", known, 1)[0].word == "mouse"
    assert (slips("ab"), slips("abc"), slips("abcdefgh"), slips("2060")) == (0, 1, 2, 0)
    assert (slips("ab", in_context=True), slips("2060", in_context=True)) == (1, 1)


@given(_letters.map(str.lower), st.data())
def test_edits_are_every_word_one_slip_away(word: str, data: st.DataObject) -> None:
    other = data.draw(st.text("abcd7", min_size=3, max_size=9))
    assert (distance(word, other, 1) == 1) == (other in set(edits(word)) - {word})


def test_a_digit_that_was_typed_is_meant() -> None:
    known = [("pdu", 400), ("ps4", 4)]
    assert guesses("pd4", known, 1)[0].word == "ps4"
    assert guesses("pdk", known, 1)[0].word == "pdu"


def test_trade_marks_are_no_letters() -> None:
    assert terms("GeForce RTX™ 2060, Core™2") == ["geforc", "rtx", "2060", "core", "2"]
