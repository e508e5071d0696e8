"""The beginning of a file, as it would be imported."""

from typing import IO

from haat.domains.goods.imports.api import Finding, Preview, PreviewProduct, PreviewVariant
from haat.domains.goods.imports.formats.mapping import Mapping, Reader, problems
from haat.domains.goods.imports.formats.products import Imported
from haat.domains.goods.imports.formats.refusals import Noted, Refused
from haat.domains.goods.imports.formats.sheets import Line, open_sheet
from haat.domains.goods.imports.formats.spool import Spool

ROWS = 200
PRODUCTS = 20
SAMPLES = 3
VARIANTS = 5


def previewed(
    file: IO[bytes], mapping: Mapping, currency: str, *, more: bool = False
) -> Preview | None:
    """Of the first ROWS rows; a product whose rows go on behind them is shown as far as it is
    known. None where so many do not stand in this piece of a file that has `more`. Blocks: it
    reads the file."""
    sheet = open_sheet(file)
    header = list(sheet.header)
    samples: dict[str, list[str]] = {name: [] for name in header if name}
    lines: list[Line | Refused] = []
    for line in sheet.rows:
        lines.append(line)
        if isinstance(line, Line):
            for name, text in zip(header, line.cells, strict=False):
                known = samples.get(name)
                if known is not None and len(known) < SAMPLES and text.strip():
                    known.append(text.strip()[:80])
        if len(lines) >= ROWS:
            break
    if more and len(lines) < ROWS:
        return None
    wrong = dict(problems(mapping, header))
    if wrong:
        return _preview(header, mapping, samples, wrong, [], [])
    sheet.rows = iter(lines)
    with Spool(sheet, mapping) as spool:
        for _ in spool.fill():
            pass
        made = list(spool.products(currency))
        found: list[Refused | Noted] = [*spool.unread(0, spool.last_line)]
    for one in made:
        found += [*one.refused, *one.noted]
    reader = Reader(header, mapping)
    findings = [
        Finding(
            line=one.line,
            column=reader.column(one.column),
            reason=one.reason,
            key=one.key,
            refused=isinstance(one, Refused),
        )
        for one in sorted(found, key=lambda one: one.line)[:PRODUCTS]
    ]
    products = [one.product for one in made if one.product is not None][:PRODUCTS]
    return _preview(header, mapping, samples, {}, products, findings)


def _preview(
    header: list[str],
    mapping: Mapping,
    samples: dict[str, list[str]],
    wrong: dict[str, str],
    products: list[Imported],
    findings: list[Finding],
) -> Preview:
    return Preview(
        header=header,
        mapping=mapping,
        samples=samples,
        problems=wrong,
        products=[_shown(one) for one in products],
        findings=findings,
    )


def _shown(item: Imported) -> PreviewProduct:
    draft = item.draft
    return PreviewProduct(
        line=item.line,
        title=draft.title,
        category=" > ".join(item.category),
        status=item.status,
        pictures=len(draft.pictures),
        variants=[
            PreviewVariant(
                sku=variant.sku,
                options=" / ".join(variant.options.values()),
                price=f"{variant.price.decimal()} {variant.price.currency}",
                stock=item.stock.get(variant.sku),
            )
            for variant in draft.variants[:VARIANTS]
        ],
    )
