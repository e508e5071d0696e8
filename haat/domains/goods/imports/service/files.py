"""Where a run's file and its corrections lie in blob storage, part by part."""

import io
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO
from uuid import UUID

from haat.engines.blob import Blob, BlobMissing
from haat.kernel.errors import NotFound

BEGINNING = 1024 * 1024  # holds a header and 200 rows, as a rule


class Files:
    def __init__(self, blob: Blob) -> None:
        self._blob = blob

    async def put(self, id: UUID, number: int, content: bytes) -> None:
        await self._blob.put(_part(id, number), content, "application/octet-stream")

    @asynccontextmanager
    async def opened(self, id: UUID, parts: int) -> AsyncIterator[IO[bytes]]:
        """The file on this machine's disk. NotFound for a part that is not there."""
        with tempfile.TemporaryFile(prefix="haat-import-") as file:
            for number in range(parts):
                try:
                    async for piece in self._blob.stream(_part(id, number)):
                        file.write(piece)
                except BlobMissing:
                    raise NotFound("A part of the file is missing.") from None
            file.seek(0)
            yield file

    async def beginning(self, id: UUID, parts: int) -> tuple[IO[bytes], bool] | None:
        """The first parts, in memory, and whether there are more; None where a file can only be
        read as a whole (a workbook's contents stand at its end). NotFound."""
        found, number = b"", 0
        while number < parts and len(found) < BEGINNING:
            try:
                found += await self._blob.get(_part(id, number))
            except BlobMissing:
                raise NotFound("A part of the file is missing.") from None
            number += 1
        if found.startswith(b"PK\x03\x04"):
            return None
        return io.BytesIO(found), number < parts

    async def complete(self, id: UUID, parts: int) -> int | None:
        """The number of the first part that is missing; None when all are there."""
        for number in range(parts):
            if not await self._blob.exists(_part(id, number)):
                return number
        return None

    async def put_corrections(self, id: UUID, round: int, number: int, content: bytes) -> None:
        await self._blob.put(_correction(id, round, number), content, "text/csv")

    async def corrections(self, id: UUID, round: int, number: int) -> bytes:
        return await self._blob.get(_correction(id, round, number))

    async def forget(self, id: UUID, parts: int, round_: int, corrections: int) -> None:
        keys = [_part(id, number) for number in range(parts)]
        keys += [_correction(id, round_, number) for number in range(corrections)]
        for start in range(0, len(keys), 1000):
            await self._blob.delete(keys[start : start + 1000])


def _part(id: UUID, number: int) -> str:
    return f"imports/{id}/part-{number:03d}"


def _correction(id: UUID, round: int, number: int) -> str:
    return f"imports/{id}/corrections-{round}-{number:03d}.csv"
