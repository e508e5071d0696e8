"""A whole file, read: what `haat import`, the import page and tests have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from haat.domains.goods.imports.formats.mapping import Mapping, problems, proposed
from haat.domains.goods.imports.formats.sheets import NotATable, open_sheet
from haat.domains.goods.imports.formats.spool import Spool

PREVIEW_ROWS = 200


@contextmanager
def spooled(
    file: IO[bytes], currency: str, mapping: Mapping | None = None, rows_max: int | None = None
) -> Iterator[Spool]:
    """The file's rows, ready to be read as products. Raises NotATable, also for a mapping that
    does not fit its header."""
    sheet = open_sheet(file)
    used = mapping or proposed(sheet.header, currency)
    wrong = problems(used, sheet.header)
    if wrong:
        raise NotATable(" ".join(reason for _, reason in wrong))
    with Spool(sheet, used, rows_max=rows_max) as spool:
        for _ in spool.fill():
            pass
        yield spool
