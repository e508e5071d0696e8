"""The categories of a large market: departments, their shelves, and what stands there.

A shelf's last words are the nouns its goods are called by; each is a category of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

TREE = """
Electronics
  Audio: headphone, earbud, speaker, soundbar, turntable, microphone
  Computers: laptop, monitor, keyboard, mouse, docking station, webcam
  Phones: smartphone, phone case, screen protector, power bank, charging cable
  Cameras: camera, camera lens, tripod, camera bag, memory card
  Smart home: smart bulb, smart plug, security camera, doorbell, thermostat
  Wearables: smartwatch, fitness tracker, watch strap, sleep headband
Home
  Bedroom: duvet, pillow, bed sheet, mattress topper, blanket, night stand
  Bathroom: bath towel, shower curtain, bath mat, soap dispenser, toothbrush holder
  Living room: sofa cover, cushion, floor lamp, coffee table, rug, bookshelf
  Storage: storage box, laundry basket, shoe rack, wall hook, drawer organiser
  Decor: vase, picture frame, candle, wall clock, mirror, wall print
  Cleaning: broom, mop, vacuum cleaner, dustpan, cleaning brush
Kitchen
  Cookware: frying pan, saucepan, wok, stock pot, baking tray, pressure cooker
  Tableware: dinner plate, bowl, mug, tea cup, serving dish, water glass
  Knives: chef knife, bread knife, paring knife, knife block, sharpening stone
  Appliances: kettle, toaster, blender, coffee machine, rice cooker, air fryer
  Food storage: lunch box, storage jar, water bottle, spice rack, bread bin
  Baking: cake tin, mixing bowl, rolling pin, kitchen scale, whisk
Fashion
  Women: dress, blouse, skirt, cardigan, saree, tunic
  Men: shirt, polo shirt, suit jacket, trouser, punjabi, waistcoat
  Outerwear: raincoat, parka, denim jacket, wool coat, windbreaker
  Basics: t-shirt, sweatshirt, legging, sock, undershirt, pyjama
  Bags: backpack, tote bag, handbag, wallet, travel bag, belt bag
  Accessories: belt, scarf, hat, glove, sunglasses case, umbrella
Shoes
  Sport shoes: running shoe, trail shoe, football boot, court shoe, gym shoe
  Everyday: sneaker, loafer, sandal, slipper, canvas shoe
  Boots: ankle boot, hiking boot, rain boot, winter boot, work boot
  Formal: oxford shoe, derby shoe, court heel, ballet flat
Beauty
  Skin: face cream, cleanser, serum, sunscreen, face mask, lip balm
  Hair: shampoo, conditioner, hair oil, hair dryer, hair brush, hair clip
  Make-up: lipstick, mascara, foundation, eye shadow palette, nail polish
  Fragrance: perfume, body mist, room spray, incense stick, essential oil
  Shaving: razor, shaving brush, beard oil, aftershave, trimmer
Sport
  Fitness: yoga mat, dumbbell, resistance band, skipping rope, foam roller
  Outdoor: tent, sleeping bag, camping stove, head torch, hiking pole
  Cycling: bicycle helmet, bicycle light, bicycle pump, saddle, bicycle lock
  Team sport: football, basketball, cricket bat, goalkeeper glove, shin guard
  Racket sport: tennis racket, badminton racket, shuttlecock, table tennis bat
  Water sport: swim goggle, swimsuit, kickboard, snorkel set, dry bag
Children
  Toys: building block set, toy car, doll, puzzle, plush bear, train set
  Games: board game, card game, dice set, chess set, memory game
  Baby: baby bottle, baby blanket, bib, pram cover, teether, baby monitor
  School: school bag, pencil case, crayon set, exercise book, lunch bag
  Clothes: baby bodysuit, kids t-shirt, kids raincoat, kids sandal, sun hat
Garden
  Tools: spade, rake, pruning shear, watering can, garden hose, wheelbarrow
  Plants: herb seed, flower seed, plant pot, raised bed, hanging basket
  Furniture: garden chair, garden table, hammock, parasol, bench
  Grill: charcoal grill, grill tong, fire bowl, grill cover, smoker box
  Wildlife: bird feeder, nest box, insect hotel, bird bath
Tools
  Power tools: cordless drill, jigsaw, sander, circular saw, heat gun
  Hand tools: hammer, screwdriver set, spanner, plier, hand saw, tape measure
  Fixing: screw set, wall plug, cable tie, wood glue, duct tape
  Painting: paint roller, paint brush, masking tape, wall paint, step ladder
  Safety: work glove, safety goggle, ear defender, dust mask, hard hat
Books
  Fiction: novel, short story collection, crime novel, poetry book, graphic novel
  Knowledge: cookbook, history book, travel guide, biography, field guide
  Learning: language course, mathematics textbook, atlas, dictionary
  Stationery: notebook, fountain pen, planner, sticky note, desk organiser
Food
  Tea and coffee: black tea, green tea, ground coffee, coffee bean, herbal tea
  Pantry: basmati rice, red lentil, mustard oil, honey, pasta, tomato sauce
  Spices: turmeric powder, chilli powder, cumin seed, cardamom, garam masala
  Sweets: dark chocolate, biscuit, date, fruit jam, nut mix
Pets
  Dogs: dog bed, dog lead, dog bowl, dog toy, dog coat
  Cats: cat tree, litter box, cat toy, cat collar, scratching post
  Small pets: hamster wheel, rabbit hutch, bird cage, aquarium, fish food
Automotive
  Car care: car shampoo, wax, microfibre cloth, tyre brush, car vacuum
  Car interior: seat cover, phone mount, sun shade, boot mat, seat organiser
  Parts: wiper blade, air filter, spark plug, brake pad, battery charger
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A category. `noun` is what its goods are called; '' for those that only hold others."""

    slug: str
    name: str
    above: str  # slug, '' for a department
    noun: str = ""
    department: str = ""


@cache
def places() -> tuple[Place, ...]:
    """All categories, those above before those below."""
    return tuple(_read())


@cache
def leaves() -> tuple[Place, ...]:
    return tuple(place for place in places() if place.noun)


def _read() -> Iterator[Place]:
    department = ""
    for line in TREE.strip().splitlines():
        if not line.startswith(" "):
            department = line
            yield Place(slug_of(line), line, "")
            continue
        shelf, _, nouns = line.strip().partition(": ")
        slug = slug_of(f"{department} {shelf}")
        yield Place(slug, shelf, slug_of(department))
        for noun in nouns.split(", "):
            name = many(noun)
            yield Place(slug_of(f"{shelf} {name}"), _upper(name), slug, noun, department)


def slug_of(text: str) -> str:
    return f"s-{text.lower().replace(' ', '-')}"


def many(noun: str) -> str:
    """Of one, the name of a shelf of them."""
    if noun.endswith(("s", "sh", "ch", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("tea", "coffee", "rice", "oil", "honey", "pasta", "sauce", "wax", "food")):
        return noun
    return f"{noun}s"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
