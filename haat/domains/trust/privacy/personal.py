"""What privacy has of people beside ids: their exports."""

from uuid import UUID

from haat.domains.trust.privacy.service import PrivacyService
from haat.engines.sql.personal import Personal
from haat.kernel.context import Context


async def _drop(service: PrivacyService, ctx: Context, person_id: UUID) -> None:
    await service.drop_exports_of(ctx, person_id)


PERSONAL_DATA = Personal(rules=(), after=_drop)
