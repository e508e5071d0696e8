"""Goods of a large market, each made from the seed and its number alone.

Sales follow Zipf's law: the goods at rank n sell about 1/n of what the first ones do; so do the
sizes of brands, vendors and categories. Nothing is remembered from one to the next.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from haat.app.seeding.scale import phrases
from haat.app.seeding.scale.tree import Place, leaves
from haat.domains.goods.catalog.api import Condition

BLOCK = 50  # goods that follow each other are one vendor's, as when a catalogue is sent
BENGALI_SHARE = 0.08
SHARED_SHARE = 0.15  # goods that several vendors sell
OTHERS_MAX = 4
VARIANTS_MAX = 12
SOLD_MAX = 100_000
TEXT_MIN, TEXT_MAX = 200, 2000  # characters
CONDITIONS: tuple[Condition, ...] = (
    "new",
    "new",
    "new",
    "refurbished",
    "used-like-new",
    "used-good",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A variant and its own vendor's offer on it; prices in minor units."""

    options: dict[str, str]
    sku: str
    price: int
    compare_at: int | None
    barcode: str
    weight_g: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class Attached:
    """Another vendor's offer on one of the variants."""

    vendor: int
    choice: int
    sku: str
    price: int
    condition: Condition
    handling_days: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One product. `vendor` is a number, `sold` what was sold of it before."""

    number: int
    vendor: int
    place: Place
    brand: str
    title: str
    html: str
    option_names: list[str]
    choices: list[Choice]
    specs: dict[str, str | int | bool]
    attached: list[Attached] = field(default_factory=list)
    sold: int = 0


@cache
def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


@cache
def brands(seed: int, count: int = 2500) -> tuple[str, ...]:
    """Names that nobody has, the large brands first."""
    dice = random.Random(f"{seed}-brands")
    syllables, endings = phrases.SYLLABLES.split(), phrases.ENDINGS.split()
    found: dict[str, None] = {}
    while len(found) < count:
        name = "".join(dice.choices(syllables, k=dice.choice((1, 2, 2)))) + dice.choice(endings)
        found[name.capitalize()] = None
    return tuple(found)


def vendor_name(seed: int, number: int) -> str:
    dice = random.Random(f"{seed}-vendor-{number}")
    name = "".join(dice.choices(phrases.SYLLABLES.split(), k=2)).capitalize()
    return f"{name} {dice.choice(_listed(phrases.TRADES))} {number + 1}"


def zipf(dice: random.Random, count: int) -> int:
    """A place from 0 to count - 1, the first ones most often: about 1/(1 + place)."""
    return min(count - 1, int((count + 1) ** dice.random()) - 1)


def vendor_of(seed: int, number: int, vendors: int) -> int:
    """Whose it is: every vendor has a block, the larger ones the others."""
    block = number // BLOCK
    return block if block < vendors else zipf(random.Random(f"{seed}-block-{block}"), vendors)


def pieces(seed: int, first: int, last: int, vendors: int) -> Iterator[Piece]:
    """Those numbered from `first` to `last` - 1."""
    for number in range(first, last):
        yield piece(seed, number, vendors)


def piece(seed: int, number: int, vendors: int) -> Piece:
    dice = random.Random(seed << 40 ^ number)
    place = _place(dice, seed)
    brand = brands(seed)[zipf(dice, 2500)]
    words = _words(dice, place, brand)
    is_bengali = place.department in phrases.BENGALI and dice.random() < BENGALI_SHARE * 1.6
    if is_bengali:
        words["noun"] = dice.choice(_listed(phrases.BENGALI[place.department]))
    title = _bengali_title(dice, words) if is_bengali else _title(dice, words)
    vendor = vendor_of(seed, number, vendors)
    choices, names = _choices(dice, seed, number, place, words)
    return Piece(
        number=number,
        vendor=vendor,
        place=place,
        brand=brand,
        title=title,
        html=_html(dice, words, is_bengali=is_bengali),
        option_names=names,
        choices=choices,
        specs=_specs(dice, words),
        attached=_attached(dice, number, vendor, vendors, choices),
        sold=min(SOLD_MAX, int(1 / max(dice.random(), 1e-9))) - 1,
    )


@cache
def _shuffled(seed: int) -> tuple[Place, ...]:
    """The categories in the order of their size."""
    found = list(leaves())
    random.Random(f"{seed}-places").shuffle(found)
    return tuple(found)


def _place(dice: random.Random, seed: int) -> Place:
    """Half of all goods by Zipf, half evenly: no category is empty, some are very large."""
    known = _shuffled(seed)
    return known[zipf(dice, len(known)) if dice.random() < 0.5 else dice.randrange(len(known))]


def _words(dice: random.Random, place: Place, brand: str) -> dict[str, str]:
    purposes, characters = _listed(phrases.PURPOSES), _listed(phrases.CHARACTERS)
    series = f"{chr(65 + int(dice.random() * 26))}{chr(65 + int(dice.random() * 26))}"
    return {
        "noun": place.noun,
        "brand": brand,
        "series": f"{series}-{int(dice.random() * 9900) + 100}",
        "material": dice.choice(_listed(phrases.MATERIALS[place.department])),
        "character": dice.choice(characters),
        "character2": dice.choice(characters),
        "colour": dice.choice(_listed(phrases.COLOURS)),
        "purpose": dice.choice(purposes),
        "purpose2": dice.choice(purposes),
        "origin": dice.choice(_listed(phrases.ORIGINS)),
        "weight": str(int(20 + 3000 * dice.random() ** 3)),
        "years": str(2 + int(dice.random() * 9)),
        "tests": str(100 * (1 + int(dice.random() * 90))),
        "people": str(3 + int(dice.random() * 60)),
        "wide": str(2 + int(dice.random() * 90)),
        "tall": str(2 + int(dice.random() * 120)),
    }


def _title(dice: random.Random, words: dict[str, str]) -> str:
    parts = [words["brand"]]
    if dice.random() < 0.7:
        parts.append(words["series"])
    if dice.random() < 0.7:
        parts.append(words["character"])
    if dice.random() < 0.6:
        parts.append(words["material"])
    parts.append(words["noun"])
    if dice.random() < 0.3:
        parts.append(f"for {words['purpose']}")
    if dice.random() < 0.35:
        parts.append(f"in {words['colour']}")
    named = " ".join(parts[1:])
    return f"{parts[0]} {named[:1].upper()}{named[1:]}"


def _bengali_title(dice: random.Random, words: dict[str, str]) -> str:
    first, second = dice.sample(_listed(phrases.BENGALI_CHARACTERS), 2)
    names = [first, second, words["noun"]] if dice.random() < 0.4 else [first, words["noun"]]
    return " ".join([*names, words["series"]] if dice.random() < 0.5 else names)


def _html(dice: random.Random, words: dict[str, str], *, is_bengali: bool) -> str:
    """Paragraphs and a list, TEXT_MIN to TEXT_MAX characters as they are read."""
    wanted = TEXT_MIN + int((TEXT_MAX - TEXT_MIN - 200) * dice.random() ** 1.6)
    known: Sequence[str] = phrases.BENGALI_SENTENCES if is_bengali else phrases.SENTENCES
    order = dice.sample(range(len(known)), len(known))
    said = [] if is_bengali else [dice.choice(phrases.OPENINGS).format_map(words)]
    length, at = sum(map(len, said)), 0
    while length < wanted:
        sentence = known[order[at % len(order)]].format_map(words)
        said.append(sentence)
        length += len(sentence) + 1
        at += 1
    cut = range(0, len(said), 4)
    text = "".join(f"<p>{' '.join(said[start : start + 4])}</p>" for start in cut)
    if not is_bengali and length < TEXT_MAX - 200:
        features = dice.sample(_listed(phrases.FEATURES), 3)
        text += f"<ul>{''.join(f'<li>{one}</li>' for one in features)}</ul>"
    return text


def _specs(dice: random.Random, words: dict[str, str]) -> dict[str, str | int | bool]:
    return {
        "material": words["material"],
        "origin": words["origin"],
        "colour_family": words["colour"],
        "weight_g": int(words["weight"]),
        "warranty_years": int(words["years"]),
        "recycled": dice.random() < 0.3,
    }


def _choices(
    dice: random.Random, seed: int, number: int, place: Place, words: dict[str, str]
) -> tuple[list[Choice], list[str]]:
    options, names = _options(dice, place)
    worth = phrases.WORTH[place.department] * (0.3 + 2.6 * dice.random() ** 2)
    price = max(99, int(worth) // 100 * 100 + dice.choice((-1, -1, -5, 0, 50)))
    reduced = dice.random() < 0.2
    found = []
    for at, chosen in enumerate(options):
        asked = price + at * (price // 40) * (len(options) < 5)
        code = f"2{seed % 10}{number:08d}{at:02d}"
        found.append(
            Choice(
                options=dict(zip(names, chosen, strict=True)),
                sku=f"S{seed}-{number}-{at}",
                price=asked,
                compare_at=asked * 5 // 4 if reduced else None,
                barcode=f"{code}{check_digit(code)}",
                weight_g=int(words["weight"]),
                on_hand=0 if dice.random() < 0.06 else int(5 + 400 * dice.random() ** 2),
            )
        )
    return found, names


def check_digit(code: str) -> int:
    """The last digit of an EAN."""
    digits = enumerate(reversed(code))
    return -sum(int(digit) * (1 if place % 2 else 3) for place, digit in digits) % 10


def _options(dice: random.Random, place: Place) -> tuple[list[tuple[str, ...]], list[str]]:
    """One variant for half of the goods, up to VARIANTS_MAX for the others."""
    if dice.random() < 0.5:
        return [()], []
    colours = dice.sample(_listed(phrases.COLOURS), dice.choice((2, 2, 3, 4)))
    sizes = phrases.SIZES.get(place.department)
    if sizes is None:
        return [(colour.capitalize(),) for colour in colours], ["Colour"]
    count = dice.randrange(2, min(len(sizes), VARIANTS_MAX // len(colours)) + 1)
    start = dice.randrange(len(sizes) - count + 1)
    picked = sizes[start : start + count]
    both: list[tuple[str, ...]] = [
        (colour.capitalize(), size) for colour in colours for size in picked
    ]
    return both[:VARIANTS_MAX], ["Colour", "Size"]


def _attached(
    dice: random.Random, number: int, vendor: int, vendors: int, choices: Sequence[Choice]
) -> list[Attached]:
    """What up to OTHERS_MAX others ask for the same goods, where several sell them."""
    if vendors < 2 or dice.random() >= SHARED_SHARE:
        return []
    found: dict[int, Attached] = {}
    for _ in range(1 + zipf(dice, OTHERS_MAX)):
        other = zipf(dice, vendors)
        if other == vendor or other in found:
            other = (vendor + 1 + dice.randrange(vendors - 1)) % vendors
        choice = dice.randrange(len(choices))
        found[other] = Attached(
            vendor=other,
            choice=choice,
            sku=f"A{number}-{choice}",
            price=max(99, int(choices[choice].price * (0.85 + 0.3 * dice.random()))),
            condition=dice.choice(CONDITIONS),
            handling_days=1 + int(dice.random() * 4),
            on_hand=int(1 + 80 * dice.random() ** 2),
        )
    return list(found.values())
