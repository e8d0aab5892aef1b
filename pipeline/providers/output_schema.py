"""The part of JSON Schema that structured output takes (protocol section 1.9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_REFUSED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
)
_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions")
_LISTS_OF_SCHEMAS = ("anyOf", "allOf", "oneOf", "prefixItems")


def schema_objections(schema: Any) -> Iterator[str]:
    """Say where `schema` leaves the subset; the grammar that it is compiled to knows shapes, no bounds."""
    if not isinstance(schema, Mapping):
        yield "output_config.format needs a schema, a table; add it"
        return
    for place, part in _parts(schema, "schema"):
        kind = part.get("type")
        is_object = kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in part
        if is_object and part.get("additionalProperties") is not False:
            yield f"{place} of output_config.format is an object that needs additionalProperties = false; add it"
        for name in _REFUSED:
            if name in part:
                yield f"{place} of output_config.format has {name}, which is refused; say it in the prompt"
    if _is_recursive(schema):
        yield "the schema of output_config.format refers to itself, which is refused; write its levels out"


def _parts(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield place, schema
    for step, inner in _children(schema):
        yield from _parts(inner, f"{place}.{step}")


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in _SCHEMAS_BY_NAME:
        named = schema.get(name)
        for key, inner in named.items() if isinstance(named, Mapping) else ():
            if isinstance(inner, Mapping):
                yield f"{name}.{key}", inner
    for name in _LISTS_OF_SCHEMAS:
        listed = schema.get(name)
        for position, inner in enumerate(listed if isinstance(listed, list | tuple) else ()):
            if isinstance(inner, Mapping):
                yield f"{name}[{position}]", inner
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield "items", items


def _is_recursive(root: Mapping[str, Any]) -> bool:
    """Follow references from the root and from every definition, looking for a way back."""
    definitions = {
        f"#/{name}/{key}": inner
        for name in ("$defs", "definitions")
        for key, inner in (root[name].items() if isinstance(root.get(name), Mapping) else ())
        if isinstance(inner, Mapping)
    }
    targets = {place: _references(inner) for place, inner in definitions.items()}
    if "#" in _references(root):
        return True
    for start in targets:
        reached, waiting = set[str](), list(targets[start])
        while waiting:
            place = waiting.pop()
            if place == start:
                return True
            if place not in reached:
                reached.add(place)
                waiting.extend(targets.get(place, ()))
    return False


def _references(schema: Mapping[str, Any]) -> set[str]:
    found = (part.get("$ref") for _, part in _parts(schema, ""))
    return {reference for reference in found if isinstance(reference, str)}
