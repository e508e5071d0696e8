"""What the demo's vendors sell: their stores, the category tree, and products made from parts.

Everything follows from fixed seeds; nothing here knows the market's modules.
"""

import random
from dataclasses import dataclass
from itertools import product as pairs

# slug → (name, slug of the category above it)
CATEGORIES: dict[str, tuple[str, str | None]] = {
    "home": ("Home & Kitchen", None),
    "clothing": ("Clothing & Bags", None),
    "food": ("Food & Drink", None),
    "care": ("Care & Scent", None),
    "play": ("Paper & Play", None),
    "garden": ("Garden", None),
    "ceramics": ("Ceramics", "home"),
    "vases": ("Vases", "home"),
    "kitchenware": ("Kitchenware", "home"),
    "textiles": ("Home Textiles", "home"),
    "knitwear": ("Scarves & Throws", "clothing"),
    "shirts": ("Shirts", "clothing"),
    "bags": ("Bags", "clothing"),
    "tea": ("Tea & Coffee", "food"),
    "spices": ("Spices", "food"),
    "preserves": ("Preserves", "food"),
    "soap": ("Soap", "care"),
    "candles": ("Candles", "care"),
    "notebooks": ("Notebooks", "play"),
    "toys": ("Wooden Toys", "play"),
    "planters": ("Planters", "garden"),
    "seeds": ("Seeds", "garden"),
}

TWO_SIZES = ("Size", ("Small", "Large"))
CLOTHES = ("Size", ("S", "M", "L", "XL"))
PACKS = ("Weight", ("50 g", "100 g", "250 g"))
COLOURS = ("Colour", ("Sand", "Indigo", "Moss", "Rust", "Slate", "Plum"))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of goods. Prices in minor units, weights in grams for the smallest variant."""

    shapes: tuple[str, ...]
    nouns: tuple[str, ...]
    styles: tuple[str, ...]
    options: tuple[tuple[str, tuple[str, ...]], ...]
    price: tuple[int, int]
    weight_g: int
    text: str
    tax_class: str = "standard"


KINDS: dict[str, Kind] = {
    "ceramics": Kind(
        ("bowl", "mug"),
        ("Breakfast Bowl", "Coffee Mug", "Serving Bowl", "Tea Cup", "Salad Bowl", "Beaker"),
        ("Speckled", "Celadon", "Ash-Glazed", "Cobalt", "Terracotta", "Salt-Fired"),
        (TWO_SIZES, COLOURS),
        (1400, 5200),
        450,
        "Thrown on the wheel and fired twice, so it stands the dishwasher and the oven.",
    ),
    "vases": Kind(
        ("vase",),
        ("Bud Vase", "Belly Vase", "Bottle Vase", "Moon Jar"),
        ("Matte White", "Crackled", "Iron-Red", "Sea-Green", "Raw Clay"),
        (TWO_SIZES,),
        (2200, 9800),
        900,
        "Each one is a little different; the glaze runs as the kiln wants.",
    ),
    "kitchenware": Kind(
        ("pan", "jar"),
        ("Saucepan", "Storage Jar", "Milk Pan", "Pickle Jar", "Stock Pot", "Spice Crock"),
        ("Copper", "Enamelled", "Cast-Iron", "Brushed Steel", "Hammered"),
        (TWO_SIZES, COLOURS),
        (1900, 14500),
        1200,
        "Made to be repaired: every handle can be unscrewed and replaced.",
    ),
    "textiles": Kind(
        ("cloth",),
        ("Table Runner", "Tea Towel", "Cushion Cover", "Bath Towel", "Bed Throw", "Napkin Set"),
        ("Handwoven", "Striped", "Waffle", "Washed Linen", "Block-Printed", "Checked"),
        (COLOURS,),
        (1200, 8900),
        300,
        "Woven from long-staple cotton and linen; it gets softer with every wash.",
    ),
    "knitwear": Kind(
        ("cloth",),
        ("Scarf", "Shawl", "Throw", "Wrap"),
        ("Merino", "Cable-Knit", "Lambswool", "Alpaca", "Herringbone"),
        (COLOURS,),
        (3900, 14900),
        350,
        "Knitted slowly on old machines from undyed and plant-dyed wool.",
    ),
    "shirts": Kind(
        ("shirt",),
        ("Work Shirt", "Camp Shirt", "Tunic", "Overshirt", "Blouse"),
        ("Indigo-Dyed", "Linen", "Poplin", "Chambray", "Corduroy", "Khadi"),
        (CLOTHES,),
        (4500, 11900),
        320,
        "Cut with room to move, with buttons of corozo nut and felled seams.",
    ),
    "bags": Kind(
        ("bag",),
        ("Tote Bag", "Market Bag", "Messenger Bag", "Weekend Bag", "Pouch"),
        ("Waxed Canvas", "Saddle-Leather", "Jute", "Denim", "Quilted"),
        (COLOURS,),
        (2400, 18900),
        700,
        "Sewn with one strong thread; the straps are riveted where they pull.",
    ),
    "tea": Kind(
        ("tin", "pouch"),
        ("Breakfast Tea", "Green Tea", "Oolong", "Espresso Beans", "Filter Coffee", "Rooibos"),
        ("Highland", "First-Flush", "Smoked", "Single-Garden", "Slow-Roasted", "Jasmine"),
        (PACKS,),
        (690, 2900),
        50,
        "Picked by hand, packed on the day it was ready, and sent while it is fresh.",
        "reduced",
    ),
    "spices": Kind(
        ("pouch", "jar"),
        ("Black Pepper", "Turmeric", "Cumin", "Chilli Flakes", "Cardamom", "Curry Blend"),
        ("Malabar", "Wild", "Stone-Ground", "Toasted", "Whole", "Sun-Dried"),
        (PACKS,),
        (450, 1900),
        50,
        "From growers we know by name; ground only when you order.",
        "reduced",
    ),
    "preserves": Kind(
        ("jar",),
        ("Fig Jam", "Olive Paste", "Lime Pickle", "Apricot Jam", "Quince Jelly", "Tomato Chutney"),
        ("Farmhouse", "Slow-Cooked", "Spiced", "Low-Sugar", "Old-Recipe"),
        (TWO_SIZES,),
        (590, 1600),
        250,
        "Cooked in small pans, with fruit, patience and as little sugar as it takes.",
        "reduced",
    ),
    "soap": Kind(
        ("soap",),
        ("Hand Soap", "Shampoo Bar", "Shaving Soap", "Body Bar"),
        ("Lavender", "Cedar", "Oat & Honey", "Charcoal", "Rosemary", "Sea-Salt"),
        (("Pack", ("One bar", "Three bars")),),
        (550, 1500),
        110,
        "Cold-processed with olive oil and cured for eight weeks. No plastic anywhere.",
    ),
    "candles": Kind(
        ("candle",),
        ("Pillar Candle", "Travel Candle", "Beeswax Candle", "Jar Candle"),
        ("Fig Leaf", "Amber", "Winter Spruce", "Orange Blossom", "Sandalwood", "Unscented"),
        (TWO_SIZES,),
        (900, 4200),
        300,
        "Poured by hand from plant wax with a cotton wick; burns clean to the end.",
    ),
    "notebooks": Kind(
        ("notebook",),
        ("Pocket Notebook", "Sketchbook", "Planner", "Recipe Book", "Travel Journal"),
        ("Linen-Bound", "Marbled", "Dotted", "Stitched", "Letterpress"),
        (("Size", ("A6", "A5", "A4")),),
        (800, 3600),
        200,
        "Opens flat; the paper takes ink and pencil without showing through.",
    ),
    "toys": Kind(
        ("toy",),
        ("Train", "Pull-Along Truck", "Building Blocks", "Marble Run", "Stacking Boats"),
        ("Beech", "Painted", "Maple", "Rainbow", "Little"),
        (COLOURS,),
        (1500, 7900),
        600,
        "Turned from offcuts of local wood, oiled, and too large to swallow.",
    ),
    "planters": Kind(
        ("plant",),
        ("Herb Planter", "Hanging Pot", "Window Box", "Succulent Pot", "Tree Tub"),
        ("Terracotta", "Glazed", "Ribbed", "Weathered", "Footed"),
        (TWO_SIZES, COLOURS),
        (1600, 6900),
        1500,
        "Frost-proof, with a hole where roots want one and a saucer to match.",
    ),
    "seeds": Kind(
        ("pouch", "plant"),
        ("Wildflower Mix", "Heirloom Tomatoes", "Kitchen Herbs", "Sweet Peas", "Salad Mix"),
        ("Organic", "Bee-Friendly", "Early", "Balcony", "Cottage"),
        (("Pack", ("One packet", "Five packets")),),
        (350, 1200),
        20,
        "Saved from last year's best plants and tested before they are packed.",
    ),
}


@dataclass(frozen=True, slots=True)
class Store:
    """One vendor. `email` is its owner's; `kinds` are categories it sells in."""

    name: str
    description: str
    country: str
    owner: str
    email: str
    kinds: tuple[str, ...]


def _store(
    name: str, kinds: str, country: str, owner: str, description: str, email: str = ""
) -> Store:
    address = email or owner.split()[0].lower() + "@vendors.demo.haat.example"
    return Store(name, description, country, owner, address, tuple(kinds.split()))


STORES: tuple[Store, ...] = (
    _store("Clay & Kiln", "ceramics vases", "US", "Rokeya Sultana",
           "Stoneware for every day, thrown and fired in a shed behind the orchard.",
           "clay@demo.haat.example"),
    _store("Loom Street", "textiles knitwear", "US", "Tomás Herrera",
           "Weavers of a whole street, selling together since the mill closed.",
           "loom@demo.haat.example"),
    _store("Harbour Tea Company", "tea", "GB", "Imogen Clarke",
           "Tea and coffee from gardens we visit, blended above the old harbour office."),
    _store("Saffron Trail", "spices preserves", "US", "Farid Rahimi",
           "Spices bought at the farm gate and ground to order."),
    _store("Northwood Toys", "toys", "US", "Elsa Lindgren",
           "Toys that outlive childhoods, made of wood that grew around the workshop."),
    _store("Paper Lantern", "notebooks candles", "US", "Kenji Mori",
           "Paper and light: notebooks bound by hand, candles poured by the same hands."),
    _store("Wild Meadow", "soap candles", "DE", "Greta Vogel",
           "Soap and scent from what grows in one meadow and its hedges."),
    _store("Fig & Olive", "preserves kitchenware", "US", "Lucia Romano",
           "A pantry and the pans to fill it with."),
    _store("Indigo Thread", "shirts textiles", "US", "Anjali Das",
           "Clothes and cloth dyed in one vat of living indigo."),
    _store("Juniper Garden", "planters seeds", "US", "Owen Hughes",
           "Everything for a garden of one square metre or many."),
    _store("Copper Pot Kitchen", "kitchenware ceramics", "US", "Amélie Laurent",
           "Pots, pans and plates for people who cook every day."),
    _store("Old Bridge Bags", "bags notebooks", "US", "Daniel Osei",
           "Bags for books, bread and weekends, sewn beside the old bridge."),
)  # fmt: skip

# Applications that wait for staff.
APPLICANTS: tuple[Store, ...] = (
    _store("Salt & Driftwood", "candles", "US", "Maren Holt",
           "Sea salt, driftwood frames and candles in shells."),
    _store("Third Hand Records", "notebooks", "US", "Theo Grant",
           "Used records, cleaned and graded, with sleeves we print ourselves."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One variant. `price` in minor units."""

    options: dict[str, str]
    sku: str
    price: int
    compare_at: int | None
    weight_g: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class Goods:
    """One product. `is_plentiful`: history may sell it."""

    number: int
    store: int
    category: str
    title: str
    text: str
    shape: str
    tax_class: str
    choices: tuple[Choice, ...]
    is_plentiful: bool


def goods(count: int) -> list[Goods]:
    """That many products, spread evenly over the stores, titles all different."""
    made: list[Goods] = []
    taken: set[str] = set()
    titles = [_titles(store, place) for place, store in enumerate(STORES)]
    for number in range(count):
        place = number % len(STORES)
        category, title, noun = next(t for t in titles[place] if t[1] not in taken)
        taken.add(title)
        made.append(_product(number, place, category, title, noun))
    return made


def _titles(store: Store, place: int) -> list[tuple[str, str, str]]:
    """(category, title, noun) in a mixed order; with the store's name when the plain are used."""
    dice = random.Random(f"titles-{place}")
    plain = [
        (kind, f"{style} {noun}", noun)
        for kind in store.kinds
        for style, noun in pairs(KINDS[kind].styles, KINDS[kind].nouns)
    ]
    dice.shuffle(plain)
    first = store.name.split()[0]
    return plain + [(kind, f"{title} by {first}", noun) for kind, title, noun in plain]


def _product(number: int, store: int, category: str, title: str, noun: str) -> Goods:
    dice = random.Random(f"product-{number}")
    kind = KINDS[category]
    low, high = kind.price
    price = round(dice.triangular(low, high, low + (high - low) * 0.3) / 50) * 50 - 1
    shape = kind.shapes[kind.nouns.index(noun) % len(kind.shapes)]
    is_plentiful = number % 11 != 10
    text = (
        f"<p>{kind.text}</p><p>{title} from {STORES[store].name}: "
        f"{dice.choice(_PRAISE)}</p><ul><li>{dice.choice(_FACTS)}</li>"
        f"<li>{dice.choice(_CARE)}</li></ul>"
    )
    return Goods(
        number=number,
        store=store,
        category=category,
        title=title,
        text=text,
        shape=shape,
        tax_class=kind.tax_class,
        choices=tuple(_choices(number, kind, price, dice, is_plentiful)),
        is_plentiful=is_plentiful,
    )


def _choices(
    number: int, kind: Kind, price: int, dice: random.Random, is_plentiful: bool
) -> list[Choice]:
    """One to six variants: none, one or two options, each with some of its values."""
    wanted = dice.choice((1, 2, 3, 3, 4, 6))
    named: list[tuple[str, tuple[str, ...]]] = []
    if wanted > 1:
        named = [(kind.options[0][0], kind.options[0][1][:wanted])]
        if wanted >= 4 and len(kind.options) > 1:
            named = [(name, values[: 2 if at == 0 else wanted // 2])
                     for at, (name, values) in enumerate(kind.options)]  # fmt: skip
    made = []
    cut = dice.random() < 0.15
    for place, values in enumerate(pairs(*(v for _, v in named))):
        names = [name for name, _ in named]
        step = 1 + 0.45 * (place if len(named) == 1 and names[0] != "Colour" else 0)
        own = round(price * step)
        made.append(
            Choice(
                options=dict(zip(names, values, strict=True)),
                sku=f"D{number:03d}-{place + 1}",
                price=own,
                compare_at=round(own * 1.25) if cut else None,
                weight_g=round(kind.weight_g * step),
                on_hand=dice.randint(60, 400) if is_plentiful else dice.randint(0, 4),
            )
        )
    return made


_PRAISE = (
    "a small thing that gets better with use.",
    "made in batches of a few dozen, so no two months are the same.",
    "our customers' favourite this season.",
    "plain, sturdy and good to hold.",
    "the one we use at home ourselves.",
    "a gift that is not put away.",
)
_FACTS = (
    "Made in our own workshop",
    "Packed in paper, sent without plastic",
    "Numbered and signed by who made it",
    "From materials with a known origin",
)
_CARE = (
    "Comes with a card on how to care for it",
    "Repaired free of charge for two years",
    "Returns are easy: write to us",
    "Ready to send within two days",
)
