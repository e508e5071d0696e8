"""Types of what narrows a search beside its words, and of how its hits are counted.

Part of the public file: `api` hands these names on.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.kernel.model import Model

RADIUS_MAX_KM = 20_000


class Near(Model):
    """Within so many kilometres of a point, in degrees; `km` None: however far."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    km: Annotated[int, Field(ge=1, le=RADIUS_MAX_KM)] | None = None


class Narrow(Model):
    """All of these at once. `rating_min` in hundredths of a star; `near` is where the vendor is,
    whose product it is; `verified` says the same of that vendor. `vendor_ids`: who sells it."""

    vendor_ids: Annotated[list[UUID], Field(max_length=100)] | None = None
    rating_min: Annotated[int, Field(ge=100, le=500)] | None = None
    in_stock: bool = False
    verified: bool = False
    near: Near | None = None


class RatingRange(Model):
    """Hits with `least` hundredths of a star or more."""

    least: int
    count: int


class Ring(Model):
    """Hits within so many kilometres."""

    km: int
    count: int


class Distance(Model):
    """How far the vendor of a hit is."""

    id: UUID
    km: float
