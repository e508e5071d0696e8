"""Cells that a spreadsheet must not run."""

# A cell that begins with one of these is a formula to a spreadsheet, which the writer of a title
# could make another person's spreadsheet run. An apostrophe keeps it text, and is taken off again
# when the file comes back.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """The cell as it is written."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """A cell as it was before `guarded`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
