"""Values on their way into text: what may be printed, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from jinja2 import Undefined

from pipeline.core.template_errors import LimitReached, NotText, NullValue
from pipeline.core.template_marks import Mark

MAX_CHARACTERS = 4 * 1024 * 1024
"""Of one rendered prompt, and of any text made on the way to it."""
MAX_ITEMS = 10_000
"""Of one range or one repeated list."""
_MAX_BITS = 4096
_MAX_WIDTH_DIGITS = 3

_PRINTABLE = (str, int, float, Decimal, date, time, timedelta, list, tuple, Mapping, Undefined)
_FORMAT_WIDTHS = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?")


def emit(value: Any, label: str | None) -> Any:
    """Turn a value into a piece of the root stream: text as it is, marks untouched."""
    if type(value) is str or isinstance(value, Mark):
        return value
    return text_of(value, label)


def text_of(value: Any, label: str | None = None) -> str:
    """Turn a value into text; a null, a picture, a document, bytes and objects that are not data are refused."""
    if value is None:
        raise NullValue(label)
    if isinstance(value, _PRINTABLE):
        return str(value)
    if isinstance(value, Mark):
        return str(value)
    if isinstance(value, bytes):
        raise NotText(f"{label or 'a value'} holds bytes, which are not text; {{{{ image(column) }}}} sends a picture")
    raise NotText(f"{label or 'a value'} is a {type(value).__name__}, which is not text (of a series, print `| list`)")


def concatenate(values: Iterable[Any], separator: str = "") -> str:
    """Join values as text; refuses nulls, and results over the limit before making them."""
    texts = [text_of(value) for value in values]
    require_characters(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def require_characters(count: int) -> None:
    """Raise LimitReached when a text of `count` characters is more than a prompt may have."""
    if count > MAX_CHARACTERS:
        raise LimitReached(f"a text of {count:,} characters; a prompt may have {MAX_CHARACTERS:,}")


def replaced(text: str, old: str, new: str, count: int = -1) -> str:
    """`str.replace` within the limit."""
    require_characters(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return text.replace(old, new, count)


def added(left: Any, right: Any) -> Any:
    """`left + right` within the limits."""
    if isinstance(left, str) and isinstance(right, str):
        require_characters(len(left) + len(right))
    return left + right


def multiplied(left: Any, right: Any) -> Any:
    """`left * right` within the limits."""
    for repeated, count in ((left, right), (right, left)):
        if isinstance(count, int) and isinstance(repeated, str):
            require_characters(len(repeated) * count)
        if isinstance(count, int) and isinstance(repeated, list | tuple) and len(repeated) * count > MAX_ITEMS:
            raise LimitReached(f"a list of {len(repeated) * count:,} items; {MAX_ITEMS:,} are the limit")
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _MAX_BITS:
        raise LimitReached("a product with more than a thousand digits")
    return left * right


def raised(left: Any, right: Any) -> Any:
    """`left ** right` within the limits: CPython computes a large power without letting any other thread run."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MAX_BITS:
        raise LimitReached("a power with more than a thousand digits")
    return left**right


def remainder(left: Any, right: Any) -> Any:
    """`left % right`; for text, printf formatting with bounded widths."""
    if not isinstance(left, str):
        return left % right
    widths = [width for pair in _FORMAT_WIDTHS.findall(left) for width in pair]
    if any(width == "*" or len(width) > _MAX_WIDTH_DIGITS for width in widths):
        raise LimitReached(f"a format wider than {10**_MAX_WIDTH_DIGITS - 1} characters")
    values = right if isinstance(right, tuple) else (right,)
    if any(value is None for value in values):
        raise NullValue("a formatted value")
    return left % right
