"""Types of what describes products: specifications by category, what search engines are told.

Part of the public file: `api` hands these names on.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.errors import Conflict
from haat.kernel.model import Exact, Model

SpecKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SpecText = Annotated[str, Field(max_length=500)]
# A number is a decimal as text, "12.5", in the attribute's unit: there are no floats.
SpecValue = bool | int | SpecText | Annotated[list[SpecText], Field(max_length=50)]
Specs = Annotated[dict[SpecKey, SpecValue], Field(max_length=100)]
SpecKind = Literal["text", "number", "boolean", "choice", "choices"]
Icon = Annotated[str, Field(max_length=40)]


class SlugTaken(Conflict, code="slug_taken"):
    """Another product has, or had, that address."""


class Category(Model):
    id: UUID
    parent_id: UUID | None
    slug: str
    name: str
    position: int
    product_count: int = 0  # active products in it and below
    icon: str | None = None
    active: bool = True  # customers see it


class Attribute(Exact):
    """One entry of a category's specification template; categories below inherit it."""

    key: SpecKey
    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: SpecKind = "text"
    unit: Annotated[str, Field(max_length=20)] = ""  # of a number
    choices: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=120)]], Field(max_length=200)
    ] = []
    required: bool = False  # before the product is submitted
    filterable: bool = False


Template = Annotated[list[Attribute], Field(max_length=60)]


class Brand(Model):
    """Known by its slug, however it is written. Customers see active ones."""

    id: UUID
    slug: str
    name: str
    logo_id: UUID | None = None
    active: bool = True


class Seo(Model):
    """What a product's page tells search engines; empty: its own title and text."""

    title: Annotated[str, Field(max_length=120)] = ""
    description: Annotated[str, Field(max_length=320)] = ""
    keywords: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=20)] = []
