"""Whether the model calls tools, which ones, and with what."""

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


def choose(asked: Asked, rng: random.Random) -> tuple[ToolCall, ...]:
    """Pick the calls to make: the forced tool, those that the prompt is about, or none."""
    return tuple(
        ToolCall(name=tool.name, input=Filler(tool.schema, rng, prompt=asked.user_text).fill())
        for tool in _wanted(asked)
    )


def _wanted(asked: Asked) -> list[ToolOffer]:
    callable_tools = [tool for tool in asked.tools if not tool.server_side]
    if not callable_tools or asked.tool_use == "none":
        return []
    if asked.forced_tool is not None:
        return [tool for tool in callable_tools if tool.name == asked.forced_tool]
    if asked.tool_use == "auto" and asked.tool_result is not None:
        return []
    text = asked.user_text.lower()
    fits = [len(_words_in(f"{tool.name} {tool.description}", text)) for tool in callable_tools]
    best = callable_tools[max(range(len(fits)), key=fits.__getitem__)]
    if asked.tool_use == "auto" and not max(fits):
        return []
    if not asked.parallel_tools:
        return [best]
    known = _words_in(best.name, text)
    return [tool for tool in callable_tools if tool is best or _words_in(tool.name, text) - known]


def _words_in(about: str, text: str) -> set[str]:
    """Pick the words of a tool's name or description that occur in the prompt, inflected or not."""
    words = {word for word in _WORDS.findall(about.replace("_", " ").lower()) if word not in _COMMON}
    return {word for word in words if word.rstrip("s") in text}
