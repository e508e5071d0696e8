"""What customers think of a product or vendor, summed up."""

from typing import Annotated

from pydantic import Field

from haat.kernel.model import Model


class Rating(Model):
    """`value` is the mean in hundredths of a star, 100 to 500; `count` says of how many ratings."""

    value: Annotated[int, Field(ge=100, le=500)]
    count: Annotated[int, Field(ge=1)]


def rating_of(value: int | None, count: int | None) -> Rating | None:
    """From two columns; None where nobody has rated."""
    return Rating(value=value, count=count) if value and count else None
