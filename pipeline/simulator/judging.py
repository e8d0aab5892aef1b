"""A simulated judge: reads the answers that a prompt holds between tags and gives the verdict that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.simulator import chance
from pipeline.simulator.asking import Asked

if TYPE_CHECKING:
    from pipeline.simulator.answers import AnswerBook

_PIECE = re.compile(r"<([a-z-]+)-([0-9a-f]{6,32})>\n(.*?)\n</\1-\2>", re.DOTALL)
_RANGE = re.compile(r"number from (-?[\d.]+) to (-?[\d.]+)")
_TRUTH_WEIGHT = 0.8
_AS_GOOD = 0.05
_BLANKS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What kind of judge is played."""

    accuracy: float = 0.9
    """Share of answers whose worth it sees; of the others it thinks the opposite."""
    position_bias: float = 0.0
    """Share of pairs of which it takes the first one, whatever they say."""
    echo: bool = False
    """It repeats the answer that it was to judge, word for word, and says nothing else."""


def asks_for_verdict(schema: Mapping[str, Any] | None) -> str | None:
    """The field of the verdict that a schema asks for; None where it asks for something else."""
    properties = (schema or {}).get("properties") or {}
    fields = [name for name in ("score", "label", "winner") if name in properties]
    return fields[0] if len(fields) == 1 and {"reason", "id"} <= set(properties) else None


def echoed(asked: Asked) -> str | None:
    """The first answer that the prompt holds."""
    pieces = _pieces(asked.user_text)[0]
    return next((text for tag, text in pieces.items() if tag.startswith("candidate")), None)


def verdict(
    asked: Asked, schema: Mapping[str, Any], book: AnswerBook | None, manners: Manners, *, seed: int
) -> dict[str, Any] | None:
    """The verdict, as the fields of `schema`; None where the prompt holds nothing to judge."""
    field = asks_for_verdict(schema)
    pieces, nonce = _pieces(asked.user_text)
    answers = [text for tag, text in sorted(pieces.items()) if tag.startswith("candidate")]
    if field is None or nonce is None or not answers:
        return None
    truth = _truth(pieces, book, asked)
    seen = [_seen(text, truth, manners, (seed, asked.card.name)) for text in answers]
    if field == "winner":
        chosen: Any = _winner(seen, answers, manners, (seed, asked.card.name))
    else:
        chosen = _grade(seen[0], schema["properties"][field], asked.user_text)
    reason = f"What it says looks {'right' if seen[0] > 0.5 else 'wrong'} to me."
    return {"reason": reason, field: chosen, "id": nonce}


def _pieces(text: str) -> tuple[dict[str, str], str | None]:
    found = _PIECE.findall(text)
    return {tag: inner for tag, _, inner in found}, found[-1][1] if found else None


def _truth(pieces: Mapping[str, str], book: AnswerBook | None, asked: Asked) -> str | None:
    if "reference" in pieces:
        return pieces["reference"]
    entry = None if book is None else book.find(pieces.get("task", ""), asked.model_id)
    return None if entry is None or entry.recorded else entry.answer


def _seen(text: str, truth: str | None, manners: Manners, who: tuple[object, ...]) -> float:
    """What the judge thinks an answer is worth, from 0 to 1; the same wherever it is shown."""
    taste = chance.unit("taste", text)
    worth = taste if truth is None else _TRUTH_WEIGHT * _holds(text, truth) + (1 - _TRUTH_WEIGHT) * taste
    return worth if chance.unit(*who, "judge", text) < manners.accuracy else 1.0 - worth


def _holds(text: str, truth: str) -> bool:
    """Whether an answer holds the true one as a word of its own."""
    wanted = _BLANKS.sub(" ", truth.replace(",", "")).strip().casefold()
    return (
        re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", _BLANKS.sub(" ", text.replace(",", "")).casefold()) is not None
    )


def _winner(seen: list[float], answers: list[str], manners: Manners, who: tuple[object, ...]) -> str:
    if chance.unit(*who, "bias", *answers) < manners.position_bias:
        return "a"
    if abs(seen[0] - seen[1]) < _AS_GOOD:
        return "tie"
    return "a" if seen[0] > seen[1] else "b"


def _grade(worth: float, schema: Mapping[str, Any], prompt: str) -> Any:
    """A label, the best named first; or a score."""
    listed = schema.get("enum")
    if listed:
        ordered = listed if isinstance(listed[0], str) else sorted(listed, reverse=True)
        return ordered[min(len(ordered) - 1, int((1.0 - worth) * len(ordered)))]
    told = _RANGE.findall(prompt)
    low, high = map(float, told[-1]) if told else (0.0, 1.0)
    score = low + worth * (high - low)
    return round(score) if schema.get("type") == "integer" else round(score, 3)
