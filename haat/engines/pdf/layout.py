"""Lays a `Paper` out with fpdf2, shaping text with HarfBuzz so that Bengali reads right."""

from functools import cache
from typing import TYPE_CHECKING, Any

import fontpkg
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import TextEmphasis, XPos, YPos
from fpdf.fonts import FontFace

if TYPE_CHECKING:
    from haat.engines.pdf import Grid, Paper

_MAIN = "Hind Siliguri"  # Latin and Bengali
_WIDE = "PT Sans"  # Cyrillic and the rest of Latin
_MARGIN_MM = 18
_TEXT_PT, _SMALL_PT, _TITLE_PT = 9.5, 8, 17
_LINE_MM = 4.8
_INK, _GREY, _RULE = (28, 32, 36), (100, 108, 116), (205, 210, 214)
_CONTROL = {code: None for code in (*range(32), 127) if code not in (9, 10)}


@cache
def _letters(file: str) -> frozenset[int]:
    """The characters a font has."""
    with TTFont(file, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _rare(paper: "Paper") -> bool:
    """Whether the paper has letters its main font lacks: few need the second one."""
    known = _letters(str(fontpkg.path(_MAIN))) | set(_CONTROL) | {9, 10}
    texts = [paper.title, *paper.sender, *paper.recipient, *paper.notes]
    texts += [text for pair in paper.facts for text in pair]
    for grid in paper.grids:
        texts.append(grid.title)
        for row in (grid.head, *grid.rows, *grid.totals):
            texts += row
    return any(ord(letter) not in known for text in texts for letter in text)


class _Sheet(FPDF):
    """Every page has the paper's title and its number at the foot."""

    foot = ""

    def footer(self) -> None:
        self.set_y(-_MARGIN_MM + 5)
        self.set_font("text", size=_SMALL_PT)
        self.set_text_color(*_GREY)
        self.cell(0, 5, f"{self.foot} · {self.page_no()}/{{nb}}", align="C")


def layout(paper: "Paper") -> bytes:
    """The finished file."""
    sheet = _Sheet(format=paper.size)
    sheet.foot = _clean(paper.title)
    sheet.set_title(_clean(paper.title))
    sheet.set_creation_date(paper.made_at)
    sheet.set_margin(_MARGIN_MM)
    sheet.set_auto_page_break(True, margin=_MARGIN_MM + 4)
    _set_fonts(sheet, rare=_rare(paper))
    sheet.add_page()
    _head(sheet, paper)
    for grid in paper.grids:
        _grid(sheet, grid)
    for note in paper.notes:
        _write(sheet, note, size=_SMALL_PT, color=_GREY)
        sheet.ln(1)
    return bytes(sheet.output())


def _set_fonts(sheet: FPDF, *, rare: bool) -> None:
    for style, weight in (("", 400), ("B", 700)):
        sheet.add_font("text", style, str(fontpkg.path(_MAIN, weight=weight)))
        if rare:
            sheet.add_font("wide", style, str(fontpkg.path(_WIDE, weight=weight)))
    if rare:
        sheet.set_fallback_fonts(["wide"])
    sheet.set_text_shaping(True)


def _head(sheet: FPDF, paper: "Paper") -> None:
    for line in paper.sender:
        _write(sheet, line, size=_SMALL_PT, color=_GREY)
    sheet.ln(6)
    for line in paper.recipient:
        _write(sheet, line)
    sheet.ln(8)
    _write(sheet, paper.title, size=_TITLE_PT, bold=True, height=9)
    sheet.ln(2)
    for label, value in paper.facts:
        sheet.set_font("text", size=_TEXT_PT)
        sheet.set_text_color(*_GREY)
        sheet.cell(42, _LINE_MM, _clean(label))
        sheet.set_text_color(*_INK)
        sheet.multi_cell(0, _LINE_MM, _clean(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(5)


def _grid(sheet: FPDF, grid: "Grid") -> None:
    if grid.title:
        _write(sheet, grid.title, bold=True)
        sheet.ln(1)
    sheet.set_font("text", size=_SMALL_PT)
    sheet.set_text_color(*_INK)
    sheet.set_draw_color(*_RULE)
    bold = FontFace(emphasis=TextEmphasis.B)
    align: Any = tuple("RIGHT" if letter == "r" else "LEFT" for letter in grid.align)
    with sheet.table(
        col_widths=tuple(grid.widths),
        text_align=align,
        line_height=_LINE_MM,
        borders_layout="HORIZONTAL_LINES",
        headings_style=bold,
        padding=0.6,
    ) as table:
        for cells in (grid.head, *grid.rows):
            row = table.row()
            for cell in cells:
                row.cell(_clean(cell))
        for cells in grid.totals:
            row = table.row(style=bold)
            for cell in cells:
                row.cell(_clean(cell))
    sheet.ln(5)


def _write(
    sheet: FPDF,
    text: str,
    *,
    size: float = _TEXT_PT,
    bold: bool = False,
    color: tuple[int, int, int] = _INK,
    height: float = _LINE_MM,
) -> None:
    sheet.set_font("text", "B" if bold else "", size=size)
    sheet.set_text_color(*color)
    sheet.multi_cell(0, height, _clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _clean(text: str) -> str:
    """Without control characters, which no font has."""
    return text.translate(_CONTROL)
