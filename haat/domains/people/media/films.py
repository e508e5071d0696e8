"""Videos as they come: told by their content, structure checked, what is private blanked out.

Nothing is decoded. An MP4 is a row of boxes that must fill the file exactly (ISO/IEC 14496-12);
boxes that hold words rather than pictures (place and owner, XMP, padding) are emptied, in place,
so that all offsets still hold. What is WebM stands in `webm`.
"""

from typing import Protocol

from haat.domains.people.media.webm import DOC_TYPE, EBML, WEBM, NoFilm, WebM

__all__ = ["HEAD_BYTES", "MP4", "WEBM", "Film", "Mp4", "NoFilm", "WebM", "film_of"]

MP4 = "video/mp4"
HEAD_BYTES = 64
_MOOV_MAX = 32 << 20
_FTYP_MAX = 1024
# Brands of what browsers play; what else begins with `ftyp` are pictures and sound.
_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV",
           b"dash")  # fmt: skip
_EMPTIED = (b"udta", b"meta", b"uuid", b"free", b"skip", b"wide")
_HEADER, _LARGE = 8, 16


class Film(Protocol):
    """Takes a file piece by piece."""

    content_type: str

    def take(self, piece: bytes) -> bytes:
        """What is to be kept of it, perhaps later. Raises NoFilm."""

    def end(self) -> bytes:
        """The rest. Raises NoFilm when something is missing."""


def film_of(head: bytes) -> Film:
    """What takes a file that begins so (HEAD_BYTES of it). Raises NoFilm."""
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return Mp4()
    if head.startswith(EBML.to_bytes(4, "big")) and DOC_TYPE in head:
        return WebM()
    raise NoFilm("Send an MP4 or WebM video.")


class Mp4:
    content_type = MP4

    def __init__(self) -> None:
        self._waiting = b""  # a header, or a moov, that is not whole yet
        self._left = 0  # of the box we are in
        self._endless = False  # the last box goes on to the end
        self._emptying = False
        self._seen: set[bytes] = set()

    def take(self, piece: bytes) -> bytes:
        data, out = self._waiting + piece, []
        self._waiting = b""
        while data:
            if self._endless:
                out.append(data)
                break
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                out.append(bytes(len(part)) if self._emptying else part)
                continue
            taken = self._enter(data)
            if taken is None:
                self._waiting = data
                break
            out.append(taken)
            data = data[len(taken) :]
        return b"".join(out)

    def _enter(self, data: bytes) -> bytes | None:
        """A box's header (or a whole moov) as it is to be kept; None when more must come first."""
        header = _header(data)
        if header is None:
            return None
        kind, length, size = header
        if not self._seen and (kind != b"ftyp" or size > _FTYP_MAX):
            raise NoFilm("An MP4 begins with its type.")
        if kind == b"moov":
            if size > _MOOV_MAX or size < length:
                raise NoFilm("This video is too long.")
            if len(data) < size:
                return None
            self._seen.add(kind)
            return _without_words(data[:size], length)
        self._seen.add(kind)
        if size == 0:
            if kind != b"mdat":
                raise NoFilm("A part of this video has no end.")
            self._endless = True
            return data[:length]
        if size < length or (kind == b"ftyp" and len(self._seen) > 1):
            raise NoFilm("The parts of this video do not fit.")
        self._left, self._emptying = size - length, kind in _EMPTIED
        return data[:4] + (b"free" if self._emptying else kind) + data[8:length]

    def end(self) -> bytes:
        if self._left or self._waiting:
            raise NoFilm("The end of this video is missing.")
        if not {b"moov", b"mdat"} <= self._seen:
            raise NoFilm("There is nothing in this video.")
        return b""


def _header(data: bytes) -> tuple[bytes, int, int] | None:
    """A box's kind, its header's length and its size; None when there is too little to tell."""
    if len(data) < _HEADER:
        return None
    size, kind = int.from_bytes(data[:4], "big"), data[4:8]
    if not all(32 <= byte < 127 for byte in kind):
        raise NoFilm("The parts of this video do not fit.")
    if size != 1:
        return kind, _HEADER, size
    if len(data) < _LARGE:
        return None
    return kind, _LARGE, int.from_bytes(data[8:16], "big")


def _without_words(moov: bytes, start: int) -> bytes:
    """The same with emptied boxes where it said more than how to play it."""
    out = bytearray(moov)
    todo = [(start, len(moov))]
    while todo:
        at, end = todo.pop()
        while at < end:
            header = _header(moov[at : min(end, at + _LARGE)])
            if header is None:
                raise NoFilm("The parts of this video do not fit.")
            kind, length, size = header
            if size < length or at + size > end:
                raise NoFilm("The parts of this video do not fit.")
            if kind in _EMPTIED:
                out[at + 4 : at + 8] = b"free"
                out[at + length : at + size] = bytes(size - length)
            elif kind == b"trak":
                todo.append((at + length, at + size))
            at += size
    return bytes(out)
