"""What the catalogue refuses, in states of the world.

Part of the public file: `api` hands these names on.
"""

from haat.kernel.errors import Conflict, Invalid


class WrongProductState(Conflict, code="product_state"):
    """The product is not in a state that allows this."""


class CategoryUnknown(Invalid, code="category_unknown"):
    """There is no such category."""


class CategorySlugTaken(Conflict, code="category_slug_taken"):
    """Another category has that slug."""


class VariantsDiffer(Conflict, code="variants_differ"):
    """These products have different options: make them alike before they are merged."""


class KindsDiffer(Conflict, code="kinds_differ"):
    """Goods, downloads and services are not the same product."""


class ProductExists(Conflict, code="product_exists"):
    """A product on sale has that barcode; `productId` says which. Attach an offer to it."""


class CurrencyWrong(Invalid, code="currency_wrong"):
    """Prices must be in the market's currency."""


class VendorNotActive(Conflict, code="vendor_not_active"):
    """Nothing of this vendor is shown: it is not approved, is away, or its listings are held
    back."""
