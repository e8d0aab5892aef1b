"""Puts data and our own code into a page so that neither can become anything else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from markupsafe import Markup

from pipeline.report.visible import is_visible, visible

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}
_ESCAPED_CONTROL = re.compile(rb"\\[ubfr]")
"""How JSON writes the first 32 characters, without tab and newline; a backslash before such a letter reads alike."""


def safe_json(value: Any) -> Markup:
    """Encode `value` for a `<script type="application/json">` element: no text in it can end the element.

    All strings are made visible first, so lone surrogates cannot occur. NaN and infinity are refused with ValueError.
    """
    text = json.dumps(_cleaned(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))  # the five signs are gone, so the text is inert in HTML


def plain_json(value: Any) -> bytes:
    """Encode `value` as JSON outside of HTML, all strings made visible; NaN and infinity become null.

    Most values hold nothing invisible: their JSON, looked through as one text, shows it, and stands as it is.
    """
    try:
        data = orjson.dumps(value)
    except TypeError:  # a lone surrogate, a mapping of another kind
        return orjson.dumps(_cleaned(value))
    is_clean = _ESCAPED_CONTROL.search(data) is None and is_visible(data.decode())
    return data if is_clean else orjson.dumps(_cleaned(value))


def csp_source(code: str) -> str:
    """Return the Content-Security-Policy source that allows exactly this inline script or style."""
    digest = hashlib.sha256(code.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(scripts: Iterable[str], styles: Iterable[str], *, asks_own_server: bool = False) -> str:
    """Return a policy under which a page runs these scripts and styles, and loads and sends nothing.

    Only a page that `asks_own_server` may read from where it came from.
    """
    script_sources = " ".join(map(csp_source, scripts)) or "'none'"
    style_sources = " ".join(map(csp_source, styles)) or "'none'"
    asking = "connect-src 'self'; " if asks_own_server else ""
    return (
        f"default-src 'none'; script-src {script_sources}; style-src {style_sources}; {asking}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {visible(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_cleaned(item) for item in value]
    return value
