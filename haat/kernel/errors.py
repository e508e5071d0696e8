"""Problems: errors that cross every boundary as RFC 9457 documents and come back as themselves.

A module subclasses one of the kinds below in its `api.py` and gives it a stable `code`. Expected
outcomes (a declined card) are return values; programmer errors are assertions.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from haat.kernel.model import Model


class FieldError(Model):
    """What is wrong with one field. `path` is a JSON path such as 'items.0.quantity'."""

    path: str
    code: str
    message: str


class Problem(Exception):
    """An error with a stable `code` and an HTTP `status`.

    `detail` says what to do next; `fields` name the offending inputs; further keyword arguments
    are JSON values that travel with the problem.
    """

    status: ClassVar[int] = 500
    code: str = "internal"
    registry: ClassVar[dict[str, type["Problem"]]] = {}

    def __init_subclass__(cls, code: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if code is not None:
            cls.code = code
            Problem.registry[code] = cls

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        fields: Iterable[FieldError] = (),
        **data: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail or (self.__class__.__doc__ or "").strip().split("\n")[0]
        self.fields = tuple(fields)
        self.data = data
        if code is not None:
            self.code = code

    @classmethod
    def at(cls, path: str, message: str, code: str = "invalid", **data: Any) -> "Problem":
        """A problem with one field."""
        field = FieldError(path=path, code=code, message=message)
        return cls(message, code=code, fields=[field], **data)

    def document(self) -> dict[str, Any]:
        """The RFC 9457 members, with `code`, `errors` and the problem's own data beside them."""
        found: dict[str, Any] = {
            "type": f"urn:haat:problem:{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.fields:
            found["errors"] = [f.model_dump(by_alias=True) for f in self.fields]
        return {**self.data, **found}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Problem":
        """The same problem again, as the same class where this process knows its code."""
        code = str(document.get("code", "internal"))
        status = int(document.get("status", 500))
        cls = Problem.registry.get(code) or _KINDS.get(status, Problem)
        known = {"type", "title", "status", "detail", "code", "errors", "instance"}
        return cls(
            str(document.get("detail", "")),
            code=code,
            fields=[FieldError.model_validate(e) for e in document.get("errors", [])],
            **{k: v for k, v in document.items() if k not in known},
        )


class Invalid(Problem, code="invalid"):
    """The request is not valid; the named fields say why."""

    status = 422


class Unauthenticated(Problem, code="unauthenticated"):
    """Sign in first."""

    status = 401


class Forbidden(Problem, code="forbidden"):
    """This account may not do that."""

    status = 403


class ProofNeeded(Forbidden, code="proof_needed"):
    """Prove again that it is you: give your password, or a code where you have a second step."""


class SecondStepFirst(Forbidden, code="second_step_first"):
    """This market asks for a second step here: set up an authenticator app or a passkey first."""


class NotFound(Problem, code="not_found"):
    """There is nothing here under that name."""

    status = 404


class OtherVendors(NotFound):
    """A row of a vendor for whom the actor does not act. To them it is not there, and reads so;
    where the call is done it is logged."""

    def __init__(self) -> None:
        super().__init__(NotFound().detail)


class Conflict(Problem, code="conflict"):
    """The thing is not in a state that allows this."""

    status = 409


class Gone(Problem, code="gone"):
    """This was here and is no more."""

    status = 410


class TooLarge(Problem, code="too_large"):
    """That is larger than allowed."""

    status = 413


class Limited(Problem, code="limited"):
    """Too many requests; try again later."""

    status = 429


class Unavailable(Problem, code="unavailable"):
    """Something this depends on does not answer; try again."""

    status = 503


class Timeout(Unavailable, code="deadline_exceeded"):
    """The work took longer than its deadline."""


_KINDS: dict[int, type[Problem]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: Invalid,
    429: Limited,
    503: Unavailable,
}
