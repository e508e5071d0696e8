"""Use cases around the look at a listing: notes, and what is approved without one."""

from uuid import UUID

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.api import ApprovalRule, CategoryUnknown, Note
from haat.domains.goods.catalog.service import review_statements as sql
from haat.domains.goods.catalog.service.stored import Cases
from haat.engines.sql import ForeignKeyViolation
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Forbidden, Invalid, NotFound

NOTES_MAX = 100
RULES_MAX = 200


def need_scope(ctx: Context, scope: str = "vendor:products:view") -> None:
    """Forbidden for those of a vendor's team who have nothing to do with its products, or (with
    "vendor:products") may only look at them."""
    if not ctx.has(scope):
        raise Forbidden


class ReviewCases(Cases):
    async def add_note(
        self, ctx: Context, *, id: UUID, product_id: UUID, text: str, external: bool = True
    ) -> Note:
        text = text.strip()
        rules.check_texts(text, "text")
        if not text:
            raise Invalid.at("text", "Say something.", "text_blank")
        staff = await self._is_staff(ctx, product_id)
        if not staff:
            need_scope(ctx, "vendor:products")
        note = Note(
            id=id,
            at=ctx.now(),
            by="staff" if staff else "vendor",
            person_id=ctx.actor.id,
            external=external or not staff,
            text=text,
        )
        await self._db.execute(
            sql.ADD_NOTE, id, product_id, note.at, note.by, note.person_id, note.external, text
        )
        kept = await self._db.fetchrow(sql.NOTE, id, product_id)
        if kept is None:  # the id is another product's
            raise NotFound
        return Note(**kept)

    async def notes(self, ctx: Context, *, product_id: UUID) -> list[Note]:
        staff = await self._is_staff(ctx, product_id)
        rows = await self._db.fetch(sql.NOTES, product_id, staff, NOTES_MAX)
        return [Note(**row) for row in rows]

    async def _is_staff(self, ctx: Context, product_id: UUID) -> bool:
        """True for staff, False for the product's own vendor, NotFound for anybody else."""
        product = (await self._known(product_id)).product
        if ctx.caller is not None or ctx.has("staff:products"):
            return True
        ctx.need_vendor(product.vendor_id)
        need_scope(ctx)
        return False

    async def approval_rules(self, ctx: Context) -> list[ApprovalRule]:
        return [ApprovalRule(**row) for row in await self._db.fetch(sql.RULES, RULES_MAX)]

    async def save_approval_rule(self, ctx: Context, *, rule: ApprovalRule) -> ApprovalRule:
        low, high = rule.price_min, rule.price_max
        if low is not None and high is not None and high < low:
            raise Invalid.at("priceMax", "The band ends before it begins.", "band_wrong")
        given = (rule.id, rule.vendor_id, rule.category_id, low, high)
        try:
            saved = await self._db.execute(sql.SAVE_RULE, *given, RULES_MAX)
        except ForeignKeyViolation:
            raise CategoryUnknown.at("categoryId", "There is no such category.") from None
        if not saved:
            raise Conflict(f"There are {RULES_MAX} rules already.", code="rules_full")
        return rule

    async def drop_approval_rule(self, ctx: Context, *, id: UUID) -> None:
        await self._db.execute(sql.DROP_RULE, id)
