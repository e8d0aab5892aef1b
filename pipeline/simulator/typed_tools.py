"""Tools that a request names by type alone: their names, and inputs that a model would give them (protocol 1.6)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.simulator.asking import ToolOffer

_SERVER_SIDE = re.compile(
    r"(web_search|web_fetch|code_execution|tool_search_tool_(regex|bm25)|(computer|browser)_toolset)_"
)
_PATH = "/repo/README.md"


def _schema(**values: list[Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"enum": choices} for name, choices in values.items()},
        "required": list(values),
    }


_INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bash": ("Run a command in the shell", _schema(command=["ls -la", "pwd", "cat README.md"])),
    "text_editor": ("View, create and edit a file", _schema(command=["view"], path=[_PATH])),
    "computer": ("Use the computer: screenshot, mouse, keyboard", _schema(action=["screenshot", "cursor_position"])),
    "memory": ("Remember things in memory files", _schema(command=["view"], path=["/memories"])),
}


def offer(tool: dict[str, Any]) -> ToolOffer:
    """Read a typed tool."""
    kind = str(tool["type"])
    name = str(tool.get("name", kind))
    if _SERVER_SIDE.match(kind):
        return ToolOffer(name=name, server_side=True)
    family = kind.rpartition("_")[0]
    description, schema = _INPUTS[family]
    return ToolOffer(name=name, description=description, schema=schema)
