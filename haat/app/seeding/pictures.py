"""The demo's pictures, drawn by the program: a soft background and the shape of what is sold.

Drawn at twice the size and shrunk, which smooths the edges. The same seed gives the same bytes.
"""

import colorsys
import math
import random
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

SIDE = 800
_BIG = SIDE * 2
_QUALITY = 82

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw


class Palette:
    """Colours that go together, from one hue."""

    def __init__(self, dice: random.Random) -> None:
        hue = dice.random()
        other = (hue + dice.choice((0.08, 0.45, 0.55, 0.92))) % 1
        self.pale = _colour(hue, 0.10, 0.97)
        self.soft = _colour(hue, 0.28, 0.90)
        self.main = _colour(other, 0.55, 0.74)
        self.deep = _colour(other, 0.62, 0.50)
        self.light = _colour(other, 0.30, 0.93)
        self.ink = _colour(other, 0.55, 0.26)
        self.accent = _colour((other + 0.5) % 1, 0.60, 0.88)


def product_picture(shape: str, initial: str, seed: str) -> bytes:
    """A JPEG of SIDE pixels a side. `shape` is one of SHAPES; `initial` stands on a small label."""
    dice = random.Random(f"picture-{seed}")
    palette = Palette(dice)
    canvas = _background(palette, dice)
    draw = ImageDraw.Draw(canvas)
    draw.ellipse(_box(800, 1290, 560, 70), fill=_mix(palette.soft, palette.ink, 0.22))
    SHAPES[shape](draw, palette, dice)
    _label(draw, palette, initial)
    return _jpeg(canvas.reduce(2))


def logo_picture(initial: str, seed: str) -> bytes:
    """A square JPEG of 320 pixels with a letter in a ring."""
    dice = random.Random(f"logo-{seed}")
    palette = Palette(dice)
    canvas = Image.new("RGB", (640, 640), palette.pale)
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((40, 40, 600, 600), fill=palette.deep)
    draw.ellipse((76, 76, 564, 564), outline=palette.light, width=10)
    draw.text((320, 320), initial, font=_font(300), fill=palette.pale, anchor="mm")
    return _jpeg(canvas.reduce(2))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _mix(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _background(palette: Palette, dice: random.Random) -> Image.Image:
    """A gradient: four pixels, stretched; the last step copies pixels, which is cheap."""
    small = Image.new("RGB", (2, 2))
    corners = [palette.pale, _mix(palette.pale, palette.soft, 0.5), palette.soft, palette.soft]
    dice.shuffle(corners)
    small.putdata(corners)
    smooth = small.resize((_BIG // 4, _BIG // 4), Resampling.BICUBIC)
    return smooth.resize((_BIG, _BIG), Resampling.NEAREST)


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _box(x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
    return x - rx, y - ry, x + rx, y + ry


def _label(draw: Draw, palette: Palette, initial: str) -> None:
    draw.rounded_rectangle((1290, 90, 1510, 310), 60, fill=palette.pale)
    draw.text((1400, 200), initial, font=_font(150), fill=palette.ink, anchor="mm")


def _bowl(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.pieslice(_box(800, 780, 520, 520), 0, 180, fill=p.main)
    draw.pieslice(_box(800, 780, 520, 520), 0, 62, fill=p.deep)
    draw.ellipse(_box(800, 780, 520, 120), fill=p.light)
    draw.ellipse(_box(800, 790, 450, 90), fill=p.ink)
    draw.rounded_rectangle((640, 1270, 960, 1320), 24, fill=p.deep)
    for step in range(dice.randint(2, 4)):
        y = 960 + step * 70
        half = math.sqrt(max(0, 520**2 - (y - 780) ** 2)) * 0.97
        draw.line((800 - half, y, 800 + half, y), fill=p.light, width=16)


def _mug(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.ellipse(_box(1110, 900, 220, 220), outline=p.deep, width=70)
    draw.rounded_rectangle((460, 560, 1080, 1300), 90, fill=p.main)
    draw.rounded_rectangle((900, 580, 1080, 1300), 90, fill=p.deep)
    draw.ellipse(_box(770, 570, 310, 70), fill=p.light)
    draw.ellipse(_box(770, 575, 260, 50), fill=p.ink)
    _dots(draw, p, dice, (520, 760, 860, 1200))


def _vase(draw: Draw, p: Palette, dice: random.Random) -> None:
    for offset in (-170, 0, 150):
        tip = (800 + offset * 2, 220 + abs(offset))
        draw.line((800, 640, *tip), fill=p.deep, width=18)
        draw.ellipse(_box(*tip, 90, 90), fill=p.accent)
        draw.ellipse(_box(*tip, 36, 36), fill=p.light)
    draw.rectangle((690, 560, 910, 800), fill=p.main)
    draw.ellipse(_box(800, 1010, 380, 310), fill=p.main)
    draw.chord(_box(800, 1010, 380, 310), -60, 60, fill=p.deep)
    draw.ellipse(_box(800, 565, 130, 36), fill=p.ink)
    if dice.random() < 0.6:
        draw.arc(_box(800, 1010, 300, 230), 20, 160, fill=p.light, width=22)


def _cloth(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((320, 420, 1280, 1280), 50, fill=p.main)
    width = dice.choice((40, 60, 80))
    for x in range(360, 1240, width * 2):
        draw.rectangle((x, 420, x + width, 1280), fill=p.light)
    if dice.random() < 0.5:
        for y in range(470, 1240, width * 2):
            draw.rectangle((320, y, 1280, y + width // 3), fill=p.deep)
    draw.polygon(((1280, 900), (1280, 1280), (900, 1280)), fill=p.deep)
    for x in range(330, 1280, 38):
        draw.line((x, 1280, x - 6, 1340), fill=p.deep, width=8)


def _shirt(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.polygon(
        ((560, 420), (1040, 420), (1360, 640), (1240, 830), (1090, 740), (1090, 1290), (510, 1290),
         (510, 740), (360, 830), (240, 640)),
        fill=p.main,
    )  # fmt: skip
    draw.polygon(((660, 420), (940, 420), (800, 600)), fill=p.ink)
    draw.line((800, 600, 800, 1290), fill=p.deep, width=10)
    if dice.random() < 0.5:
        for y in range(780, 1260, 90):
            draw.rectangle((510, y, 1090, y + 30), fill=p.light)
    for y in range(680, 1260, 130):
        draw.ellipse(_box(800, y, 18, 18), fill=p.pale)


def _bag(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.arc((560, 300, 1040, 960), 180, 360, fill=p.ink, width=44)
    draw.polygon(((420, 620), (1180, 620), (1280, 1300), (320, 1300)), fill=p.main)
    draw.polygon(((1020, 620), (1180, 620), (1280, 1300), (1060, 1300)), fill=p.deep)
    if dice.random() < 0.5:
        draw.rounded_rectangle((560, 860, 960, 1160), 40, fill=p.light)
        draw.line((560, 920, 960, 920), fill=p.deep, width=12)
    else:
        _dots(draw, p, dice, (480, 720, 960, 1220))


def _jar(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((480, 520, 1120, 1310), 120, fill=p.light)
    draw.rounded_rectangle((520, 680, 1080, 1270), 90, fill=p.main)
    draw.rounded_rectangle((520, 400, 1080, 560), 40, fill=p.ink)
    draw.rounded_rectangle((560, 820, 1040, 1120), 30, fill=p.pale)
    draw.ellipse(_box(800, 970, 110, 110), fill=p.accent)
    draw.ellipse(_box(800 + dice.randint(-40, 40), 930, 50, 50), fill=p.main)


def _tin(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rectangle((480, 560, 1120, 1240), fill=p.main)
    draw.ellipse(_box(800, 1240, 320, 70), fill=p.main)
    draw.rectangle((940, 560, 1120, 1250), fill=p.deep)
    draw.ellipse(_box(800, 560, 320, 80), fill=p.ink)
    draw.ellipse(_box(800, 540, 320, 80), fill=p.light)
    draw.rectangle((480, 760, 1120, 1060), fill=p.pale)
    for step in range(3):
        x = 640 + step * 160
        draw.chord(_box(x, 910, 90, 90), 200 + dice.randint(-30, 30), 380, fill=p.accent)


def _pouch(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.polygon(((470, 420), (1130, 420), (1180, 1300), (420, 1300)), fill=p.main)
    draw.polygon(((470, 420), (1130, 420), (1140, 560), (460, 560)), fill=p.deep)
    draw.line((466, 500, 1134, 500), fill=p.light, width=10)
    draw.rounded_rectangle((560, 700, 1040, 1120), 60, fill=p.pale)
    for _ in range(14):
        x, y = dice.randint(630, 970), dice.randint(770, 1050)
        draw.ellipse(_box(x, y, 30, 20), fill=dice.choice((p.accent, p.deep, p.main)))


def _soap(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((330, 820, 1270, 1290), 110, fill=p.deep)
    draw.rounded_rectangle((330, 740, 1270, 1210), 110, fill=p.main)
    draw.rounded_rectangle((430, 830, 1170, 1120), 80, outline=p.light, width=16)
    for _ in range(9):
        radius = dice.randint(30, 95)
        spot = _box(dice.randint(420, 1180), dice.randint(340, 690), radius, radius)
        draw.ellipse(spot, fill=p.pale, outline=p.light, width=8)


def _candle(draw: Draw, p: Palette, dice: random.Random) -> None:
    top = dice.randint(600, 760)
    draw.rectangle((560, top, 1040, 1290), fill=p.main)
    draw.rectangle((900, top, 1040, 1290), fill=p.deep)
    draw.ellipse(_box(800, top, 240, 56), fill=p.light)
    draw.line((800, top, 800, top - 90), fill=p.ink, width=14)
    draw.ellipse(_box(800, top - 190, 78, 130), fill=p.accent)
    draw.ellipse(_box(800, top - 160, 38, 70), fill=p.pale)
    draw.rectangle((560, 1000, 1040, 1160), fill=p.pale)


def _notebook(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((470, 350, 1190, 1310), 40, fill=p.pale)
    draw.rounded_rectangle((440, 330, 1160, 1290), 40, fill=p.main)
    draw.rectangle((440, 330, 560, 1290), fill=p.deep)
    draw.rectangle((1040, 330, 1080, 1290), fill=p.accent)
    pattern = dice.randint(0, 2)
    if pattern == 0:
        _dots(draw, p, dice, (640, 440, 980, 1180))
    else:
        for y in range(450, 1200, 110 if pattern == 1 else 160):
            draw.line((620, y, 980, y + (120 if pattern == 2 else 0)), fill=p.light, width=18)


def _toy(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((330, 760, 1270, 1120), 80, fill=p.main)
    draw.rounded_rectangle((780, 480, 1160, 820), 70, fill=p.accent)
    draw.rounded_rectangle((850, 560, 1090, 740), 40, fill=p.pale)
    draw.rectangle((420, 560, 560, 780), fill=p.deep)
    for x in (520, 800, 1080):
        draw.ellipse(_box(x, 1160, 150, 150), fill=p.ink)
        draw.ellipse(_box(x, 1160, 64, 64), fill=p.light)
    for step in range(dice.randint(1, 3)):
        draw.ellipse(_box(490 - step * 60, 460 - step * 100, 60 + step * 16, 50), fill=p.pale)


def _plant(draw: Draw, p: Palette, dice: random.Random) -> None:
    green, shade = (88, 140, 86), (58, 104, 66)
    for angle in range(-70, 80, dice.choice((20, 24, 28))):
        way = math.radians(angle - 90)
        x, y = 800 + 430 * math.cos(way), 840 + 430 * math.sin(way)
        draw.line((800, 880, x, y), fill=shade, width=26)
        draw.ellipse(_box(x, y, 110, 80), fill=green if angle % 3 else shade)
    draw.polygon(((500, 860), (1100, 860), (1010, 1310), (590, 1310)), fill=p.main)
    draw.polygon(((930, 860), (1100, 860), (1010, 1310), (900, 1310)), fill=p.deep)
    draw.rounded_rectangle((460, 800, 1140, 910), 36, fill=p.deep)


def _pan(draw: Draw, p: Palette, dice: random.Random) -> None:
    draw.rounded_rectangle((1120, 760, 1540, 850), 44, fill=p.ink)
    draw.rounded_rectangle((300, 700, 1160, 1220), 150, fill=p.main)
    draw.rounded_rectangle((900, 700, 1160, 1220), 150, fill=p.deep)
    draw.ellipse(_box(730, 710, 430, 110), fill=p.light)
    draw.ellipse(_box(730, 716, 370, 84), fill=p.ink)
    for step in range(dice.randint(2, 4)):
        x = 560 + step * 130
        draw.arc((x, 330, x + 120, 600), 100, 260, fill=p.pale, width=20)


def _dots(draw: Draw, p: Palette, dice: random.Random, area: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = area
    gap = dice.choice((110, 130, 160))
    for x in range(left, right + 1, gap):
        for y in range(top, bottom + 1, gap):
            draw.ellipse(_box(x, y, gap * 0.22, gap * 0.22), fill=p.light)


SHAPES: dict[str, Callable[[Draw, Palette, random.Random], None]] = {
    "bag": _bag,
    "bowl": _bowl,
    "candle": _candle,
    "cloth": _cloth,
    "jar": _jar,
    "mug": _mug,
    "notebook": _notebook,
    "pan": _pan,
    "plant": _plant,
    "pouch": _pouch,
    "shirt": _shirt,
    "soap": _soap,
    "tin": _tin,
    "toy": _toy,
    "vase": _vase,
}
