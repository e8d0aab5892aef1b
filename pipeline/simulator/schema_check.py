"""The subset of JSON schema that structured outputs and strict tools take (protocol section 1.9)."""

from __future__ import annotations

from typing import Any

from pipeline.simulator.fields import Invalid

_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LENGTHS = ("minLength", "maxLength")
_LISTS = ("maxItems", "uniqueItems")
_BRANCHES = ("anyOf", "allOf", "oneOf")


def check_subset(schema: dict[str, Any], path: str) -> None:
    """Refuse a schema that cannot be compiled to a grammar."""
    _Subset(schema, path).check(schema, ())


class _Subset:
    def __init__(self, root: dict[str, Any], path: str) -> None:
        self._root = root
        self._path = path

    def check(self, schema: Any, referred: tuple[str, ...]) -> None:
        if not isinstance(schema, dict):
            return
        self._check_type(schema)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in referred:
                raise Invalid(f"{self._path}: Circular reference detected: {reference}. Recursion is not supported.")
            self.check(self._referred(reference), (*referred, reference))
        for inner in self._inner(schema):
            self.check(inner, referred)

    def _check_type(self, schema: dict[str, Any]) -> None:
        kinds = schema.get("type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if "object" in kinds and schema.get("additionalProperties") is not False:
            raise Invalid(f"{self._path}: For 'object' type, 'additionalProperties' must be explicitly set to false")
        for kind, words in (("integer", _NUMERIC), ("number", _NUMERIC), ("string", _LENGTHS), ("array", _LISTS)):
            found = [word for word in words if word in schema]
            if kind in kinds and found:
                raise Invalid(f"{self._path}: For '{kind}' type, properties {', '.join(found)} are not supported")

    def _inner(self, schema: dict[str, Any]) -> list[Any]:
        """Give the schemas inside one, but not the definitions, which count where they are referred to."""
        properties = schema.get("properties")
        inner = list(properties.values()) if isinstance(properties, dict) else []
        inner.append(schema.get("items"))
        for name in _BRANCHES:
            branches = schema.get(name)
            inner += branches if isinstance(branches, list) else []
        return inner

    def _referred(self, reference: str) -> Any:
        place: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            place = place.get(step) if isinstance(place, dict) else None
        if place is None:
            raise Invalid(f"{self._path}: Cannot resolve the reference {reference}")
        return place
