"""What a file's reader tells of a row: that it was left out, or what was left out of it."""

from typing import Annotated

from pydantic import Field

from haat.kernel.model import Model


class Refused(Model):
    """A product that is left out until its file is corrected, by the row that shows why."""

    line: int
    column: str = ""  # as the file has it
    reason: str
    key: str = ""  # of the product it belongs to; "" where none can be told
    cells: Annotated[list[str], Field(exclude=True)] = []


class Noted(Model):
    """Something of a product that is left out, while the rest goes in: a picture, for example."""

    line: int
    column: str = ""
    reason: str
    key: str = ""


class Refusal(Exception):
    """Raised inside with the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason
