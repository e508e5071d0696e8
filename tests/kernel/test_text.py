"""Which characters may stand in what people write."""

import pytest

from haat.kernel.text import is_plain_line, is_plain_text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words",
        "\u09b0\u200d\u09cd\u09af\u09be\u09ac",  # a joiner, as Bengali spells it
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # a non-joiner, as Persian does
        "\U0001f468\u200d\U0001f9b0",  # one of the emoji that are put together
        "\u5317\u3000\u4eac",
        "soft\u00adhyphen",
    ],
)
def test_what_is_read_or_spells_is_plain(text: str) -> None:
    assert is_plain_line(text)
    assert is_plain_text(text)


@pytest.mark.parametrize(
    "sign", ["\0", "\b", "\x1b", "\x85", "\u2028", "\u202e", "\ud800", "\ue000"]
)
def test_what_nobody_sees_is_not(sign: str) -> None:
    assert not is_plain_line(f"a{sign}b")
    assert not is_plain_text(f"a{sign}b")


def test_lines_are_text_and_no_line() -> None:
    assert is_plain_text("one\ttwo\nthree")
    assert not is_plain_line("one\ntwo")
