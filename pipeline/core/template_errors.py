"""What can go wrong inside a template, and the sentence that tells its author."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any

from jinja2 import StrictUndefined, UndefinedError
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.utils import missing

_LISTED_NAMES = 12


class NullValue(TemplateRuntimeError):
    """A null would be printed as text."""

    def __init__(self, label: str | None) -> None:
        """`label` names the value in the template's own terms."""
        super().__init__(
            f"{label or 'a value'} is null in this row; "
            "say what to print instead ({{ name or 'n/a' }}) or leave the part out ({% if name is not none %})"
        )


class NotText(TemplateRuntimeError):
    """A value that has no form as text would be printed."""


class LimitReached(TemplateRuntimeError):
    """The template asks for more text, items or steps than a prompt can need."""


class StructureError(TemplateRuntimeError):
    """The pieces do not make a conversation."""

    def __init__(self, message: str, line: int | None = None) -> None:
        """`line` is given where it is not the line that was being rendered."""
        super().__init__(message)
        self.line = line


class UnknownName(UndefinedError):
    """A name that neither the row nor the template defines, or a key that a value does not have."""

    def __init__(self, message: str, *, owner: Any, name: Any) -> None:
        """`owner` is what was asked for `name`; Jinja2's `missing` for the row itself."""
        super().__init__(message)
        self.owner = owner
        self.name = name


class StrictName(StrictUndefined):
    """StrictUndefined whose error remembers what was asked of whom."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedError
    ) -> None:
        if exc is UndefinedError:
            exc = partial(UnknownName, owner=obj, name=name)
        super().__init__(hint, obj, name, exc)

    def __repr__(self) -> str:
        """Fail inside printed lists too."""
        return str(self)


def explain(error: Exception, row: Mapping[str, Any]) -> str:
    """Say what happened in one sentence, with the nearest column where a name is unknown."""
    if isinstance(error, UnknownName):
        return _explain_name(error, row)
    if isinstance(error, RecursionError):
        return "the template calls itself without end"
    if isinstance(error, MemoryError):
        return "the template needs more memory than there is"
    if isinstance(error, SecurityError):
        return f"{error}; templates see plain data only"
    if isinstance(error, TemplateRuntimeError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _explain_name(error: UnknownName, row: Mapping[str, Any]) -> str:
    if error.owner is missing:
        return f"{error.name!r} is not a column of this row{_nearest(error.name, row)}"
    if error.owner is None:
        return f"{error.name!r} is asked of a null"
    if isinstance(error.owner, Mapping):
        whole = "the row" if error.owner is row else "the value"
        return f"{whole} has no key {error.name!r}{_nearest(error.name, error.owner)}"
    if not isinstance(error.name, str):
        return f"a {type(error.owner).__name__} has no item {error.name!r}"
    return f"a {type(error.owner).__name__} has no {error.name!r} that a template may use"


def _nearest(name: Any, known: Mapping[str, Any]) -> str:
    names = [str(key) for key in known]
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there are none"
    shown = ", ".join(names[:_LISTED_NAMES])
    return f"; there are {shown}{', ...' if len(names) > _LISTED_NAMES else ''}"
