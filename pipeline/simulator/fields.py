"""Checks of single fields; each raises Invalid with the path and the complaint, as the original words them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class Invalid(Exception):
    """A body that is refused; caught where the checks begin and turned into a 400 (or `status`)."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


def required(body: dict[str, Any], path: str, *names: str) -> None:
    """Demand that fields are present."""
    for name in names:
        if name not in body:
            raise Invalid(f"{join(path, name)}: Field required")


def only(body: dict[str, Any], path: str, allowed: Collection[str]) -> None:
    """Refuse unknown fields."""
    for name in body:
        if name not in allowed:
            raise Invalid(f"{join(path, name)}: Extra inputs are not permitted")


def text(value: Any, path: str) -> str:
    """Demand a string."""
    if not isinstance(value, str):
        raise Invalid(f"{path}: Input should be a valid string")
    return value


def mapping(value: Any, path: str) -> dict[str, Any]:
    """Demand an object."""
    if not isinstance(value, dict):
        raise Invalid(f"{path}: Input should be a valid dictionary")
    return value


def sequence(value: Any, path: str) -> list[Any]:
    """Demand an array."""
    if not isinstance(value, list):
        raise Invalid(f"{path}: Input should be a valid list")
    return value


def flag(value: Any, path: str) -> bool:
    """Demand a boolean."""
    if not isinstance(value, bool):
        raise Invalid(f"{path}: Input should be a valid boolean")
    return value


def integer(value: Any, path: str, *, low: int) -> int:
    """Demand a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{path}: Input should be a valid integer")
    if value < low:
        raise Invalid(f"{path}: Input should be greater than or equal to {low}")
    return value


def number(value: Any, path: str, *, high: float) -> float:
    """Demand a number from 0 to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid(f"{path}: Input should be a valid number")
    if value < 0:
        raise Invalid(f"{path}: Input should be greater than or equal to 0")
    if value > high:
        raise Invalid(f"{path}: Input should be less than or equal to {high:g}")
    return float(value)


def one_of(value: Any, path: str, allowed: Collection[str]) -> str:
    """Demand one of some words."""
    if not isinstance(value, str) or value not in allowed:
        raise Invalid(f"{path}: Input should be {' or '.join(repr(word) for word in allowed)}")
    return value


def join(path: str, name: str | int) -> str:
    """Append to a dotted path."""
    return f"{path}.{name}" if path else str(name)
