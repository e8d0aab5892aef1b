"""What the error for a wrong model tells: its status, its shape, and the class that our classifier makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.records import Response
from pipeline.doctor.records import Finding, Reply, Subject
from pipeline.providers.body import UnreadableBody, parse_json

_ASPECT = "wrong model"


def read_wrong_model(subject: Subject, reply: Reply) -> Finding:
    """Read the reply to a request for a model that does not exist."""
    outcome = reply.outcome(subject.provider.protocol)
    catalog = "class model"
    if isinstance(outcome, Response):
        note = f"by {outcome.model_served or 'a model that is not named'}; a mistyped id would not be noticed"
        return Finding(aspect=_ASPECT, found="answered all the same", catalog=catalog, note=note, differs=True)
    if reply.status is None:
        return Finding(aspect=_ASPECT, found="unclear", catalog=catalog, note=outcome.message)
    return Finding(
        aspect=_ASPECT,
        found=f"HTTP {reply.status}, class {outcome.kind}",
        catalog=catalog,
        note=f"{_shape(reply.body)}: {outcome.message}",
        differs=outcome.kind != "model",
    )


def _shape(body: bytes) -> str:
    """Describe an error body by its keys, with the values that are plain numbers."""
    if not body.strip():
        return "an empty body"
    if body.lstrip()[:1] == b"<":
        return "an HTML page"
    try:
        value = parse_json(body)
    except UnreadableBody:
        return "plain text"
    return _keys(value)


def _keys(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(_key(str(name), inner) for name, inner in list(value.items())[:12]) + "}"
    return "[…]" if isinstance(value, list) else "text"


def _key(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{name}: {_keys(value)}"
    return f"{name}: {value}" if isinstance(value, int) and not isinstance(value, bool) else name
