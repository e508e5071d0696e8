"""HTTP/1.1 messages that are plain in every respect, as those between our own processes are.

h11 knows all of HTTP, with a hundred and fifty Python calls for a request and its answer. What is
written and read here is its smallest part; of anything else these say None, and h11 is asked.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# What decides how the two sides go on is no plain name.
_NAME = re.compile(rf"(?!(?:transfer-encoding|connection|upgrade|expect)\Z){_TOKEN}", re.I | re.A)
_VALUE = re.compile("(?:[!-~](?:[ -~]*[!-~])?)?")  # begins and ends with what can be seen
_TARGET = re.compile("[!-~]+")
# The answer to HEAD has the length of a body without the body.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ANSWER = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t -~]*)?\r\n((?:%b:[\t -~]*\r\n)+)\r\n" % _TOKEN.encode()
)
_BODILESS = (204, 304)
_LENGTH_DIGITS = 12


class Head(NamedTuple):
    """The head of an answer that has a body of known length behind it."""

    status: int
    headers: dict[str, str]  # names in lower case
    size: int  # of the head itself, in bytes
    length: int  # of the body
    closes: bool  # whether the connection ends with it


def request_head(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes | None:
    """A request up to its body; None for one that has to be looked at more closely."""
    if method not in _METHODS or not _TARGET.fullmatch(target):
        return None
    lines, names = [f"{method} {target} HTTP/1.1"], set()
    for name, value in headers:
        names.add(name.lower())
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            return None
        lines.append(f"{name}: {value}")
    if len(names) < len(headers):  # such as two lengths
        return None
    return "\r\n".join([*lines, "", ""]).encode()


def answer_head(got: bytearray) -> Head | None:
    """The head that these bytes, which hold the whole of one, begin with."""
    match = _ANSWER.match(got)
    if match is None or int(match[1]) in _BODILESS:
        return None
    headers: dict[str, str] = {}
    for line in match[2].decode().split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in headers:
            return None
        headers[name] = value.strip(" \t")
    length = headers.get("content-length", "")
    connection = headers.get("connection", "keep-alive").lower()
    if not (length.isdecimal() and len(length) <= _LENGTH_DIGITS):
        return None
    if "transfer-encoding" in headers or connection not in ("keep-alive", "close"):
        return None
    return Head(int(match[1]), headers, match.end(), int(length), connection == "close")
