"""API keys over REST. Answers with a secret are kept nowhere, so an Idempotency-Key does nothing
here: a key whose answer was lost is revoked, and another made."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from haat.domains.people.identity.api import ApiKey, KeyName, MadeKey, Scopes
from haat.domains.people.identity.routes import Service
from haat.domains.people.identity.staff_routes import router
from haat.engines.http import Ctx
from haat.kernel.model import Body

__all__ = ["router"]


class KeyBody(Body):
    name: KeyName
    scopes: Scopes
    expires_at: AwareDatetime | None = None


class RotationBody(Body):
    """For how long the old key goes on beside the new one; a week at most."""

    overlap_s: Annotated[int, Field(ge=0, le=7 * 86_400)] = 86_400


@router.get("/vendors/{vendor_id}/api-keys", summary="A vendor's API keys")
async def api_keys(vendor_id: UUID, ctx: Ctx, identity: Service) -> list[ApiKey]:
    return await identity.api_keys(ctx, vendor_id=vendor_id)


@router.post(
    "/vendors/{vendor_id}/api-keys", status_code=201, summary="Make a key; its secret is told once"
)
async def make_key(vendor_id: UUID, body: KeyBody, ctx: Ctx, identity: Service) -> MadeKey:
    return await identity.make_key(ctx, id=ctx.new_id(), vendor_id=vendor_id, **dict(body))


@router.post(
    "/vendors/{vendor_id}/api-keys/{key_id}/rotate", status_code=201, summary="Replace a key"
)
async def rotate_key(
    vendor_id: UUID, key_id: UUID, body: RotationBody, ctx: Ctx, identity: Service
) -> MadeKey:
    return await identity.rotate_key(
        ctx, id=ctx.new_id(), vendor_id=vendor_id, key_id=key_id, overlap_s=body.overlap_s
    )


@router.delete(
    "/vendors/{vendor_id}/api-keys/{key_id}", status_code=204, summary="Revoke a key at once"
)
async def revoke_key(vendor_id: UUID, key_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.revoke_key(ctx, vendor_id=vendor_id, key_id=key_id)
