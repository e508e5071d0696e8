"""Use cases of the rules that listings keep to."""

from uuid import UUID

from haat.domains.goods.catalog import complying, markup
from haat.domains.goods.catalog.api import CategoryUnknown, ListingRule, Objection, Product
from haat.domains.goods.catalog.service import review_statements as sql
from haat.domains.goods.catalog.service import statements
from haat.domains.goods.catalog.service.stored import Cases
from haat.engines.sql import ForeignKeyViolation
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Forbidden

LISTING_RULES_MAX = 200


class ComplianceCases(Cases):
    async def listing_rules(self, ctx: Context) -> list[ListingRule]:
        return await self._rules()

    async def save_listing_rule(self, ctx: Context, *, rule: ListingRule) -> ListingRule:
        rule = complying.check_rule(rule)
        given = (rule.id, rule.name, rule.kind, rule.category_id, rule.words, rule.least, rule.key)
        try:
            saved = await self._db.execute(
                sql.SAVE_LISTING_RULE, *given, rule.blocking, rule.message, LISTING_RULES_MAX
            )
        except ForeignKeyViolation:
            raise CategoryUnknown.at("categoryId", "There is no such category.") from None
        if not saved:
            message = f"There are {LISTING_RULES_MAX} rules already."
            raise Conflict(message, code="rules_full")
        return rule

    async def drop_listing_rule(self, ctx: Context, *, id: UUID) -> None:
        await self._db.execute(sql.DROP_LISTING_RULE, id)

    async def objections(self, ctx: Context, *, product_id: UUID) -> list[Objection]:
        product = (await self._known(product_id)).product
        if ctx.caller is None and not ctx.has("staff:products"):
            ctx.need_vendor(product.vendor_id)
            if not ctx.has("vendor:products:view"):
                raise Forbidden
        return await self._objections(product)

    async def _rules(self) -> list[ListingRule]:
        rows = await self._db.fetch(sql.LISTING_RULES, LISTING_RULES_MAX)
        return [ListingRule(**row) for row in rows]

    async def _objections(self, *versions: Product) -> list[Objection]:
        """What the rules say against the last of these that they did not say against the first."""
        rules = await self._rules()
        if not rules:
            return []
        said: list[list[Objection]] = []
        for product in versions:
            path: set[UUID] = set()
            if product.category_id is not None:
                rows = await self._db.fetch(statements.TEMPLATES, [product.category_id])
                path = {row["id"] for row in rows}
            text = markup.plain(product.description_html)
            said.append(complying.objections(rules, product, text, path))
        before = {(one.rule_id, one.path) for one in said[0]} if len(said) > 1 else set()
        return [one for one in said[-1] if (one.rule_id, one.path) not in before]
