"""Whether the model calls a tool, which one, and with what."""

from __future__ import annotations

import random
import re

from pipeline.simulator.asking import Asked, ToolCall, ToolOffer
from pipeline.simulator.schema_fill import Filler

_WORDS = re.compile("[a-z]{4,}|[\uac00-\ud7a3]{2,}")
_COMMON = frozenset(
    (
        *("about", "answer", "call", "current", "from", "function", "given", "have", "please", "question", "return"),
        *("returns", "that", "them", "they", "this", "tool", "used", "uses", "using", "value", "values", "what"),
        *("when", "where", "which", "will", "with", "your"),
    )
)


def choose(asked: Asked, rng: random.Random) -> ToolCall | None:
    """Pick the call to make: the forced tool, the one that the prompt is about, or none."""
    tool = _wanted(asked)
    if tool is None:
        return None
    return ToolCall(name=tool.name, input=Filler(tool.schema, rng, prompt=asked.user_text).fill())


def _wanted(asked: Asked) -> ToolOffer | None:
    if not asked.tools or asked.tool_use == "none":
        return None
    if asked.forced_tool is not None:
        return next((tool for tool in asked.tools if tool.name == asked.forced_tool), asked.tools[0])
    text = asked.user_text.lower()
    fits = [_overlap(tool, text) for tool in asked.tools]
    best = max(range(len(fits)), key=fits.__getitem__)
    if asked.tool_use == "any":
        return asked.tools[best]
    if asked.tool_result is not None or not fits[best]:
        return None
    return asked.tools[best]


def _overlap(tool: ToolOffer, text: str) -> int:
    """Count the words of the tool's name and description that occur in the prompt, inflected or not."""
    about = f"{tool.name.replace('_', ' ')} {tool.description}".lower()
    words = {word for word in _WORDS.findall(about) if word not in _COMMON}
    return sum(word.rstrip("s") in text for word in words)
