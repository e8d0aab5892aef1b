"""Finds the answer in a 2xx body or the event in a frame: bare, wrapped, or an error in disguise (protocol 0, 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.providers.error_body import whole_number

IsAnswer = Callable[[Mapping[str, Any]], bool]

_BILL_NAMES = ("cost", "credits_cost")


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's answer object, out of its wrapper."""

    body: Mapping[str, Any]
    bill: Mapping[str, Any]
    """What the gateway says of the price beside the answer; empty for most."""


@dataclass(frozen=True, slots=True)
class DisguisedError:
    """An error, whatever the HTTP status said; `body` is for the classifier."""

    body: Any


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither an answer nor an error."""

    reason: str


def unwrap(value: Any, is_answer: IsAnswer) -> Answer | DisguisedError | Unknown:
    """Apply the unwrap rule: bare answer, wrapper, error, and nothing else."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and value[0].get("error"):
        value = value[0]
    if not isinstance(value, dict):
        return Unknown("the body is no JSON object")
    if value.get("error"):
        return DisguisedError(value)
    if is_answer(value):
        return Answer(value, bill_of(value))
    code = whole_number(value.get("code"))
    if code is not None and not 200 <= code <= 299:
        return DisguisedError(value)
    data = value.get("data")
    if not isinstance(data, dict):
        return Unknown("the body is neither an answer nor an error")
    if data.get("error"):
        return DisguisedError(data)
    return Answer(data, bill_of(value) | bill_of(data)) if is_answer(data) else Unknown("the wrapper holds no answer")


def unwrap_frame(value: Mapping[str, Any]) -> Answer | DisguisedError:
    """Apply the same rule to one frame of a stream; what is neither wrapper nor error is taken as the event."""
    if value.get("error"):
        return DisguisedError(value)
    code = whole_number(value["code"]) if "code" in value else None
    if code is None:
        return Answer(value, bill_of(value))
    if not 200 <= code <= 299:
        return DisguisedError(value)
    data = value.get("data")
    if not isinstance(data, dict):
        return Answer(value, bill_of(value))
    return DisguisedError(data) if data.get("error") else Answer(data, bill_of(value) | bill_of(data))


def bill_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a gateway says of the price beside an answer."""
    if "cost" not in value and "credits_cost" not in value:
        return {}
    return {name: value[name] for name in _BILL_NAMES if name in value}
