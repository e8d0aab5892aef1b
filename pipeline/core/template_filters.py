"""Filters and methods a template may use: those that are deterministic, bounded, and treat a null as an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from functools import partial, wraps
from typing import Any, Final

import orjson
from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.runtime import LoopContext
from jinja2.utils import pass_environment
from markupsafe import escape

from pipeline.core.template_errors import LimitReached, NotText, NullValue
from pipeline.core.template_values import concatenate, remainder, replaced, require_characters, text_of

_MAX_INDENT = 200
_MAX_JSON_INDENT = 16
_MAX_PRECISION = 20
_MANY_DIGITS = re.compile("[0-9]{19}")

_SERIES_FILTERS = [
    "abs",
    "count",
    "default",
    "dictsort",
    "first",
    "groupby",
    "items",
    "last",
    "length",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "sum",
    "unique",
]
_TEXT_FILTERS = ["capitalize", "int", "float", "lower", "string", "title", "trim", "upper", "wordcount"]

_TEXT_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isdecimal",
        "isdigit",
        "islower",
        "isnumeric",
        "isspace",
        "isupper",
        "join",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    ]
)
_LOOP_ATTRIBUTES = frozenset(
    [
        "changed",
        "cycle",
        "depth",
        "depth0",
        "first",
        "index",
        "index0",
        "last",
        "length",
        "nextitem",
        "previtem",
        "revindex",
        "revindex0",
    ]
)

PLAIN: Final = (str, Mapping, list, tuple, date, time)
"""Types whose methods a template may call, where ATTRIBUTES names them."""

ATTRIBUTES: Final[tuple[tuple[Any, frozenset[str]], ...]] = (
    (str, _TEXT_METHODS),
    (Mapping, frozenset({"get", "items", "keys", "values"})),
    ((list, tuple), frozenset({"count", "index", "grouper", "list"})),
    (date, frozenset({"year", "month", "day", "hour", "minute", "second", "isoformat"})),
    (time, frozenset({"hour", "minute", "second", "isoformat"})),
    (LoopContext, _LOOP_ATTRIBUTES),
)
"""What `value.name` may reach, by type; keys of mappings come first."""


def bounded_method(text: str, name: str) -> Callable[..., Any] | None:
    """Our own form of a str method that could make a huge text of small ones."""
    function = BOUNDED_METHODS.get(name)
    return None if function is None else partial(function, text)


def _join_method(separator: str, values: Iterable[Any]) -> str:
    return concatenate(values, separator)


BOUNDED_METHODS: Final[dict[str, Callable[..., Any]]] = {"replace": replaced, "join": _join_method}


def _not_null(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a null, which Jinja2's text filters turn into the word None (and `int` into 0)."""

    @wraps(function)
    def checked(value: Any, *args: Any, **kwargs: Any) -> Any:
        if value is None:
            raise NullValue(None)
        return function(value, *args, **kwargs)

    return checked


@pass_environment
def _join(environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    items = value if attribute is None else map(make_attrgetter(environment, attribute), value)
    return concatenate(items, d)


def _replace(text: Any, old: str, new: str, count: int = -1) -> str:
    return replaced(text_of(text), old, new, count)


def _format(text: Any, *args: Any, **kwargs: Any) -> str:
    if args and kwargs:
        raise TypeError("format takes values by position or by name, not both")
    if None in kwargs.values():
        raise NullValue("a formatted value")
    return str(remainder(text_of(text), kwargs or args))


def _indent(text: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    size = len(width) if isinstance(width, str) else width
    if size > _MAX_INDENT:
        raise LimitReached(f"an indentation of {size:,} characters; {_MAX_INDENT} are the limit")
    lines = text_of(text)
    require_characters(len(lines) + size * (lines.count("\n") + 1))
    return str(JINJA_FILTERS["indent"](lines, width, first, blank))


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > _MAX_PRECISION:
        raise LimitReached(f"rounding to {precision:,} digits; {_MAX_PRECISION} are the limit")
    return float(JINJA_FILTERS["round"](value, precision, method))


def _escape(text: Any) -> str:
    return str(escape(text_of(text)))


def _tojson(value: Any, indent: int | None = None) -> str:
    """Plain JSON, not JSON for HTML: a prompt shows `<` and Korean text as they are."""
    if indent is not None and indent > _MAX_JSON_INDENT:
        raise LimitReached(f"an indentation of {indent:,} characters; {_MAX_JSON_INDENT} are the limit")
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_json_text)


def _json_text(value: Any) -> str:
    if isinstance(value, Decimal | date | time):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


@pass_environment
def _truncate(environment: Environment, text: Any, *args: Any, **kwargs: Any) -> str:
    return str(JINJA_FILTERS["truncate"](environment, text_of(text), *args, **kwargs))


def _fromjson(text: str | bytes) -> Any:
    """Read a JSON text, what a CSV column holds instead of a list; numbers that would be rounded are refused."""
    if text is None:
        raise NullValue("the JSON text")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotText(f"not a JSON text: {error}") from None
    if _MANY_DIGITS.search(text if isinstance(text, str) else text.decode()):
        json.loads(text, parse_int=_exact)
    return value


def _exact(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise NotText(f"the JSON text holds {digits}, a number of more than 64 bits, which would be rounded; quote it")
    return number


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **{name: JINJA_FILTERS[name] for name in _SERIES_FILTERS},
    **{name: _not_null(JINJA_FILTERS[name]) for name in _TEXT_FILTERS},
    "d": JINJA_FILTERS["default"],
    "e": _escape,
    "escape": _escape,
    "format": _format,
    "fromjson": _fromjson,
    "indent": _indent,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "tojson": _tojson,
    "truncate": _truncate,
}
"""Not here on purpose: attr, batch, center, pprint, random, safe, slice, urlize, wordwrap, xmlattr."""
