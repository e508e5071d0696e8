"""A WebM as it comes: a tree of elements, each with its id and size (RFC 8794, RFC 9559), of which
only what is needed to play it stays. Tags, chapters, attachments, titles, names, dates, what wrote
it and padding are emptied in place, so that every offset still holds and no byte is added.

Read as it arrives, in constant memory: nothing but headers, an entry of the index and a codec's
setup waits to be whole.
"""

from dataclasses import dataclass
from typing import Literal

WEBM = "video/webm"
DOC_TYPE = b"\x42\x82\x84webm"
EBML, SEGMENT = 0x1A45DFA3, 0x18538067
SEEK_HEAD, SEEK, SEEK_ID = 0x114D9B74, 0x4DBB, 0x53AB
INFO, TRACKS, TRACK, CLUSTER, CUES = 0x1549A966, 0x1654AE6B, 0xAE, 0x1F43B675, 0x1C53BB6B
CODEC_PRIVATE = 0x63A2
VOID, CRC = 0xEC, 0xBF
_HEADER_MAX = 12  # an id of 4 bytes and a size of 8
_EBML_MAX = 1024
_WHOLE_MAX = {SEEK: 256, CODEC_PRIVATE: 1 << 20}

Deed = Literal["enter", "pass", "blank", "void", "whole"]
# What becomes of the elements of each. An unknown one goes, but in a track, where everything but
# its names is about how to play it.
_DEEDS: dict[int, dict[int, Deed]] = {
    EBML: dict.fromkeys((0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4282, 0x4287, 0x4285), "pass"),
    SEGMENT: {SEEK_HEAD: "enter", INFO: "enter", TRACKS: "enter", CLUSTER: "enter", CUES: "pass"},
    SEEK_HEAD: {SEEK: "whole"},
    # A unit of time, a length, ids of the file; "written by" must be there, so it stays, empty.
    INFO: {0x2AD7B1: "pass", 0x4489: "pass", 0x73A4: "pass", 0x4D80: "blank", 0x5741: "blank"},
    TRACKS: {TRACK: "enter"},
    TRACK: {0x536E: "void", 0x258688: "void", 0x7446: "void", CRC: "void", VOID: "void",
            CODEC_PRIVATE: "whole"},
    CLUSTER: dict.fromkeys((0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854), "pass"),
}  # fmt: skip
_OTHERS: dict[int, Deed] = {TRACK: "pass"}
_POINTED = {INFO, TRACKS, CLUSTER, CUES, SEEK_HEAD}
_TOP = {SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, 0x1254C367, 0x1043A770, 0x1941A469}
_ENDLESS = (SEGMENT, CLUSTER)  # may not say how long they are


class NoFilm(Exception):
    """This is no video we can show."""


@dataclass(frozen=True, slots=True)
class Element:
    """`length` of its header, `size` of what is in it; None: until something else begins."""

    id: int
    length: int
    size: int | None


@dataclass(slots=True)
class _Open:
    id: int
    end: int | None


class WebM:
    """Takes the file piece by piece; whatever pieces it comes in, the same comes out."""

    content_type = WEBM

    def __init__(self) -> None:
        self._at = 0  # how many bytes were decided on
        self._waiting = b""
        self._left = 0  # of the element we are in
        self._emptying = False
        self._open: list[_Open] = []
        self._seen: set[int] = set()

    def take(self, piece: bytes) -> bytes:
        """What is to be kept of it, perhaps later. Raises NoFilm."""
        data, out = self._waiting + piece, []
        self._waiting, at = b"", 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                out.append(bytes(len(part)) if self._emptying else part)
            else:
                part = self._enter(data, at, out)
                if not part:
                    self._waiting = data[at:]
                    break
            at += len(part)
            self._at += len(part)
            self._left = max(0, self._left - len(part)) if self._left else self._next
            self._next = 0
        return b"".join(out)

    def end(self) -> bytes:
        """Raises NoFilm when something is missing."""
        self._close()
        if self._left or self._waiting or any(one.end is not None for one in self._open):
            raise NoFilm("The end of this video is missing.")
        if not {EBML, SEGMENT, TRACKS, CLUSTER} <= self._seen:
            raise NoFilm("There is nothing in this video.")
        return b""

    _next = 0  # bytes that follow the header just decided on

    def _enter(self, data: bytes, at: int, out: list[bytes]) -> bytes:
        """Decides on the element that begins here: what of the data that took, b'' when more must
        come first."""
        self._close()
        found = element_at(data, at)
        if found is None:
            return b""
        while self._is_behind(found):
            self._open.pop()
        deed = self._deed(found)
        self._seen.add(found.id)
        header = data[at : at + found.length]
        if found.size is None:
            if deed != "enter" or found.id not in _ENDLESS:
                raise NoFilm("A part of this video has no end.")
            self._open.append(_Open(found.id, None))
            out.append(header)
            return header
        if deed == "whole":
            return self._whole(data, at, found, out)
        if deed == "enter":
            self._open.append(_Open(found.id, self._at + found.length + found.size))
        else:
            self._next, self._emptying = found.size, deed != "pass"
        out.append(voided(found) if deed == "void" else header)
        return header

    def _whole(self, data: bytes, at: int, found: Element, out: list[bytes]) -> bytes:
        assert found.size is not None, "only a segment and clusters have no size"
        if found.size > _WHOLE_MAX[found.id]:
            raise NoFilm("The parts of this video do not fit.")
        whole = data[at : at + found.length + found.size]
        if len(whole) < found.length + found.size:
            return b""
        if found.id == CODEC_PRIVATE:
            out.append(whole[: found.length] + without_comments(whole[found.length :]))
        elif _points_at(whole[found.length :]) in _POINTED:
            out.append(whole)
        else:
            out.append(voided(found) + bytes(found.size))
        return whole

    def _deed(self, found: Element) -> Deed:
        """What becomes of an element here. Raises NoFilm where it cannot be."""
        if not self._open:
            first = not self._seen
            if first and (found.id != EBML or (found.size or _EBML_MAX + 1) > _EBML_MAX):
                raise NoFilm("A WebM begins with its type.")
            if found.id in (EBML, SEGMENT) and found.id not in self._seen:
                return "enter"
            if found.id == VOID:
                return "void"
            raise NoFilm("The parts of this video do not fit.")
        around = self._open[-1]
        over = found.size is not None and self._at + found.length + found.size
        if around.end is not None and (found.size is None or over > around.end):
            raise NoFilm("The parts of this video do not fit.")
        return _DEEDS[around.id].get(found.id, _OTHERS.get(around.id, "void"))

    def _is_behind(self, found: Element) -> bool:
        """Whether it is the end of a cluster that did not say where it ends."""
        inside = bool(self._open) and self._open[-1].id == CLUSTER
        return inside and self._open[-1].end is None and found.id in _TOP

    def _close(self) -> None:
        while self._open and self._open[-1].end == self._at:
            self._open.pop()


def element_at(data: bytes, at: int = 0) -> Element | None:
    """The header that begins here; None when there is too little to tell. Raises NoFilm."""
    head = data[at : at + _HEADER_MAX]
    if not head:
        return None
    width = 9 - head[0].bit_length()
    if width > 4:
        raise NoFilm("The parts of this video do not fit.")
    if len(head) <= width:
        return None
    length = 9 - head[width].bit_length()
    if length > 8:
        raise NoFilm("The parts of this video do not fit.")
    if len(head) < width + length:
        return None
    size = int.from_bytes(head[width : width + length], "big") - (1 << 7 * length)
    endless = size == (1 << 7 * length) - 1
    return Element(int.from_bytes(head[:width], "big"), width + length, None if endless else size)


def voided(found: Element) -> bytes:
    """The header of a void that is as long as the element was, with what remains of its own."""
    assert found.size is not None, "only a segment and clusters have no size"
    length = min(8, found.length - 1)
    rest = found.length - 1 - length
    size = (1 << 7 * length) | (found.size + rest)
    return bytes([VOID]) + size.to_bytes(length, "big") + bytes(rest)


def _points_at(seek: bytes) -> int | None:
    """The id an entry of the index is about."""
    at = 0
    while at < len(seek):
        found = element_at(seek, at)
        if found is None or found.size is None:
            return None
        if found.id == SEEK_ID:
            return int.from_bytes(seek[at + found.length : at + found.length + found.size], "big")
        at += found.length + found.size
    return None


def without_comments(setup: bytes) -> bytes:
    """A Vorbis setup (three packets, their lengths laced as Xiph does) without the words of its
    second; any other, as it is."""
    if setup[:1] != b"\x02":
        return setup
    at, lengths = 1, []
    for _ in range(2):
        length = 0
        while at < len(setup) and setup[at] == 255:
            length, at = length + 255, at + 1
        if at >= len(setup):
            return setup
        lengths.append(length + setup[at])
        at += 1
    start = at + lengths[0]
    packet = bytearray(setup[start : start + lengths[1]])
    if len(packet) < lengths[1] or packet[:7] != b"\x03vorbis":
        return setup
    _blank_words(packet)
    return setup[:start] + bytes(packet) + setup[start + lengths[1] :]


def _blank_words(packet: bytearray) -> None:
    """Of a Vorbis comment header: who wrote it, and each comment. Lengths stay."""
    at, texts = 7, 1
    for n in range(1 << 16):
        if n == 1:  # behind the writer's name stands how many comments follow
            texts += int.from_bytes(packet[at : at + 4], "little")
            at += 4
        if n >= texts or at + 4 > len(packet):
            return
        length = int.from_bytes(packet[at : at + 4], "little")
        end = min(at + 4 + length, len(packet))
        packet[at + 4 : end] = b" " * max(0, end - at - 4)
        at += 4 + length
