"""Use cases of tax classes."""

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.service.stored import Cases
from haat.domains.goods.catalog.taxing import STANDARD, TaxClass, TaxClassesFull
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid

CLASSES = Sql("""
SELECT code, name, position, active FROM catalog.tax_classes ORDER BY position, code
""")

SAVE_CLASS = Sql("""
INSERT INTO catalog.tax_classes (code, name, position, active)
SELECT $1, $2, $3, $4
 WHERE EXISTS (SELECT FROM catalog.tax_classes WHERE code = $1)
    OR (SELECT count(*) FROM catalog.tax_classes) < 100
    ON CONFLICT (code) DO UPDATE
   SET name = EXCLUDED.name, position = EXCLUDED.position, active = EXCLUDED.active
RETURNING code
""")


class TaxCases(Cases):
    async def tax_classes(self, ctx: Context) -> list[TaxClass]:
        return [TaxClass(**row) for row in await self._db.fetch(CLASSES)]

    async def save_tax_class(self, ctx: Context, *, tax_class: TaxClass) -> TaxClass:
        name = " ".join(tax_class.name.split())
        if not name:
            raise Invalid.at("name", "Give it a name.", "name_blank")
        rules.check_texts(name, "name")
        if tax_class.code == STANDARD and not tax_class.active:
            raise Invalid.at("active", "The standard class stays.", "standard_stays")
        saved = tax_class.model_copy(update={"name": name})
        columns = (saved.code, saved.name, saved.position, saved.active)
        if await self._db.fetchval(SAVE_CLASS, *columns) is None:
            raise TaxClassesFull
        return saved
