"""Checks of the tools of a Messages body, and of its choice among them (protocol 1.6, 1.7)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.simulator import blocks_check, fields, schema_check
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.profiles import Profile

_MOST_STRICT = 20
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPED_TOOL = re.compile(
    r"(bash_20250124|text_editor_(20250124|20250429|20250728)|computer_(20250124|20251124)|memory_20250818"
    r"|(computer|browser)_toolset_20260801|web_search_(20250305|20260209|20260318)"
    r"|web_fetch_(20250910|20260209|20260309|20260318)|code_execution_(20250522|20250825|20260120|20260521)"
    r"|tool_search_tool_(regex|bm25)_20251119)"
)
_FIXED_NAMES = {
    "bash": "bash",
    "text_editor": "str_replace_editor",
    "computer": "computer",
    "memory": "memory",
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "tool_search_tool_regex": "tool_search_tool_regex",
    "tool_search_tool_bm25": "tool_search_tool_bm25",
}


def check_tools(body: dict[str, Any], card: ModelCard, profile: Profile) -> None:
    """Check `tools` and `tool_choice` (Invalid says what is wrong and where)."""
    tools = fields.sequence(body.get("tools") or [], "tools")
    names = [_tool(tool, f"tools.{index}", profile) for index, tool in enumerate(tools)]
    strict = sum(tool.get("strict") is True for tool in tools)
    if strict > _MOST_STRICT:
        raise Invalid(f"tools: at most {_MOST_STRICT} tools may be strict, not {strict}")
    if len(set(names)) != len(names):
        raise Invalid("tools: Tool names must be unique.")
    if not tools and blocks_check.has_tool_blocks(body["messages"]):
        raise Invalid("tools: Field required when the conversation holds `tool_use` or `tool_result` blocks")
    if body.get("tool_choice") is not None:
        _choice(body["tool_choice"], names, card)


def _choice(choice: Any, names: list[str], card: ModelCard) -> None:
    choice = fields.mapping(choice, "tool_choice")
    if choice.get("disable_parallel_tool_use") is not None:
        fields.flag(choice["disable_parallel_tool_use"], "tool_choice.disable_parallel_tool_use")
    kind = fields.one_of(choice.get("type"), "tool_choice.type", ("auto", "any", "tool", "none"))
    if not names and kind != "none":
        raise Invalid("tool_choice may only be specified while providing tools.")
    if kind in ("any", "tool") and not card.forced_tools:
        raise Invalid('tool_choice: type "tool" and "any" are not supported for this model.')
    if kind == "tool":
        fields.required(choice, "tool_choice", "name")
        if choice["name"] not in names:
            raise Invalid(f"tool_choice.name: Tool {choice['name']!r} not found in provided tools")


def _tool(tool: Any, path: str, profile: Profile) -> str:
    tool = fields.mapping(tool, path)
    blocks_check.check_cache_control(tool, path)
    kind = tool.get("type") or "custom"
    if kind != "custom":
        if not isinstance(kind, str) or not _TYPED_TOOL.fullmatch(kind):
            raise Invalid(f"{path}: Input tag {kind!r} found using 'type' does not match any of the expected tags")
        return _typed(tool, kind, path)
    fields.required(tool, path, "name", "input_schema")
    if not _TOOL_NAME.fullmatch(fields.text(tool["name"], f"{path}.name")):
        raise Invalid(f"{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    schema = fields.mapping(tool["input_schema"], f"{path}.input_schema")
    fields.one_of(schema.get("type"), f"{path}.input_schema.type", ("object",))
    if tool.get("description") is not None:
        fields.text(tool["description"], f"{path}.description")
    if tool.get("strict") is not None and fields.flag(tool["strict"], f"{path}.strict") and profile.strict:
        schema_check.check_subset(schema, f"{path}.custom")
    return str(tool["name"])


def _typed(tool: dict[str, Any], kind: str, path: str) -> str:
    """Check a typed tool: its name is fixed by its type."""
    name = tool.get("name")
    expected = _FIXED_NAMES.get(kind.rpartition("_")[0])
    if kind.startswith("text_editor_") and kind != "text_editor_20250124":
        expected = "str_replace_based_edit_tool"
    if expected is not None and name != expected:
        raise Invalid(f"{path}.{kind}.name: Input should be {expected!r}")
    if kind.startswith("computer_2"):
        for side in ("display_width_px", "display_height_px"):
            fields.required(tool, f"{path}.{kind}", side)
            fields.integer(tool[side], f"{path}.{kind}.{side}", low=1)
    return str(name or kind)
