"""Checks of the turns of a Messages conversation: roles, content blocks, tool results (protocol 1.3 to 1.5)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from pipeline.simulator import fields
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.profiles import Profile

_MOST_MESSAGES = 100_000
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TURN_FIELDS = {"user": ("role", "content"), "assistant": ("role", "content"), "system": ("role", "content")}
_USER_BLOCKS = ("text", "image", "document", "search_result", "tool_result", "container_upload")
_ASSISTANT_BLOCKS = (
    "text",
    "document",
    "tool_use",
    "thinking",
    "redacted_thinking",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
)
_CACHEABLE = ("image", "document", "search_result", "tool_use", "tool_result")
_DOCUMENT_FIELDS = {
    "base64": ("media_type", "data"),
    "text": ("media_type", "data"),
    "content": ("content",),
    "url": ("url",),
    "file": ("file_id",),
}
_DOCUMENT_TYPES = {"base64": "application/pdf", "text": "text/plain"}
_RESULT_BLOCKS = ("text", "image", "document", "search_result", "tool_reference")


def check_turns(messages: Any, card: ModelCard, profile: Profile, *, newest_version: bool) -> None:
    """Check all turns (Invalid says what is wrong and where)."""
    turns = fields.sequence(messages, "messages")
    if not turns:
        raise Invalid("messages: at least one message is required")
    if len(turns) > _MOST_MESSAGES:
        raise Invalid(f"messages: List should have at most {_MOST_MESSAGES} items")
    for index, turn in enumerate(turns):
        path = f"messages.{index}"
        role = _role(turn, path, profile, card)
        _content(turn["content"], f"{path}.content", role, profile)
        if newest_version:
            _newest_rules(turn["content"], f"{path}.content", role)
    if turns[0]["role"] != "user":
        raise Invalid('messages: first message must use the "user" role')
    _system_turns(turns)
    _tool_pairs(turns)
    _last_turn(turns, card)


def has_tool_blocks(messages: list[dict[str, Any]]) -> bool:
    """Whether the conversation uses tools."""
    return any(block["type"] in ("tool_use", "tool_result") for turn in messages for block in blocks_of(turn))


def blocks_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Take a turn's content as a list of blocks."""
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _role(turn: Any, path: str, profile: Profile, card: ModelCard) -> str:
    turn = fields.mapping(turn, path)
    fields.required(turn, path, "role", "content")
    role = fields.text(turn["role"], f"{path}.role")
    if role not in _TURN_FIELDS:
        raise Invalid(f'{path}.role: Input should be "user" or "assistant", not {role!r}')
    if role == "system" and not card.system_turns:
        raise Invalid("role 'system' is not supported on this model")
    if profile.strict:
        fields.only(turn, path, _TURN_FIELDS[role])
    return role


def _content(content: Any, path: str, role: str, profile: Profile) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise Invalid(f"{path}: Input should be a valid string or list of content blocks")
    allowed = {"user": _USER_BLOCKS, "assistant": _ASSISTANT_BLOCKS, "system": ("text",)}[role]
    for index, block in enumerate(content):
        _block(block, f"{path}.{index}", allowed, profile)


def _block(block: Any, path: str, allowed: tuple[str, ...], profile: Profile) -> None:
    block = fields.mapping(block, path)
    fields.required(block, path, "type")
    kind = block["type"]
    if kind not in allowed:
        raise Invalid(
            f"{path}: Input tag {kind!r} found using 'type' does not match any of the expected tags: "
            + ", ".join(map(repr, allowed))
        )
    if kind == "text":
        check_text_block(block, path)
    elif kind == "image":
        _image(block, path, profile)
    elif kind == "document":
        _document(block, path, profile)
    elif kind == "tool_use":
        _tool_use(block, path)
    elif kind == "tool_result":
        _tool_result(block, path, profile)
    elif kind == "thinking":
        fields.required(block, path, "thinking", "signature")
        fields.text(block["thinking"], f"{path}.thinking")
    if kind in _CACHEABLE:
        check_cache_control(block, path)


def check_text_block(block: dict[str, Any], path: str) -> None:
    """Check a text block, in a turn or in the system prompt."""
    fields.required(block, path, "text")
    if not fields.text(block["text"], f"{path}.text"):
        raise Invalid(f"{path}.text: text content blocks must be non-empty")
    check_cache_control(block, path)


def check_cache_control(block: dict[str, Any], path: str) -> None:
    """Check a cache breakpoint, if there is one."""
    control = block.get("cache_control")
    if control is None:
        return
    path = fields.join(path, "cache_control")
    control = fields.mapping(control, path)
    fields.one_of(control.get("type"), f"{path}.type", ("ephemeral",))
    if "ttl" in control:
        fields.one_of(control["ttl"], f"{path}.ttl", ("5m", "1h"))


def _image(block: dict[str, Any], path: str, profile: Profile) -> None:
    fields.required(block, path, "source")
    source = fields.mapping(block["source"], f"{path}.source")
    path = f"{path}.source"
    kinds = ("base64", "url", "file") if profile.image_urls else ("base64",)
    kind = fields.one_of(source.get("type"), f"{path}.type", kinds)
    if kind != "base64":
        name = "url" if kind == "url" else "file_id"
        fields.required(source, path, name)
        fields.text(source[name], f"{path}.{name}")
        return
    fields.required(source, path, "media_type", "data")
    fields.one_of(source["media_type"], f"{path}.media_type", _IMAGE_TYPES)
    data = fields.text(source["data"], f"{path}.data")
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise Invalid(f"{path}.data: invalid base64 data")


def _document(block: dict[str, Any], path: str, profile: Profile) -> None:
    fields.required(block, path, "source")
    path = f"{path}.source"
    source = fields.mapping(block["source"], path)
    kind = fields.one_of(source.get("type"), f"{path}.type", tuple(_DOCUMENT_FIELDS))
    fields.required(source, path, *_DOCUMENT_FIELDS[kind])
    if kind in _DOCUMENT_TYPES:
        fields.one_of(source["media_type"], f"{path}.media_type", (_DOCUMENT_TYPES[kind],))
        fields.text(source["data"], f"{path}.data")
    if kind == "content" and not isinstance(source["content"], str):
        for index, part in enumerate(fields.sequence(source["content"], f"{path}.content")):
            _block(part, f"{path}.content.{index}", ("text", "image"), profile)


def _tool_use(block: dict[str, Any], path: str) -> None:
    fields.required(block, path, "id", "name", "input")
    if not _TOOL_ID.fullmatch(fields.text(block["id"], f"{path}.id")):
        raise Invalid(f"{path}.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    fields.text(block["name"], f"{path}.name")
    fields.mapping(block["input"], f"{path}.input")


def _tool_result(block: dict[str, Any], path: str, profile: Profile) -> None:
    fields.required(block, path, "tool_use_id")
    fields.text(block["tool_use_id"], f"{path}.tool_use_id")
    if "is_error" in block:
        fields.flag(block["is_error"], f"{path}.is_error")
    content = block.get("content")
    if content is None or isinstance(content, str):
        return
    if profile.text_results_only:
        raise Invalid(f"{path}.content: Input should be a valid string")
    for index, part in enumerate(fields.sequence(content, f"{path}.content")):
        _block(part, f"{path}.content.{index}", _RESULT_BLOCKS, profile)


def _newest_rules(content: Any, path: str, role: str) -> None:
    """The two block rules that came with `anthropic-version: 2026-10-21`."""
    if isinstance(content, str):
        return
    for index, block in enumerate(content):
        if role == "assistant" and block["type"] == "document":
            raise Invalid(f"{path}.{index}: document blocks are not permitted in assistant messages")
        if role == "user" and block["type"] == "text" and block.get("citations"):
            raise Invalid(f"{path}.{index}.citations: Extra inputs are not permitted")


def _system_turns(turns: list[dict[str, Any]]) -> None:
    for index, turn in enumerate(turns):
        if turn["role"] != "system":
            continue
        follows_user = turns[index - 1]["role"] == "user"
        before_assistant = index + 1 == len(turns) or turns[index + 1]["role"] == "assistant"
        if not (follows_user and before_assistant):
            raise Invalid(
                f"messages.{index}: a system message must follow a user message, "
                "and be last or be followed by an assistant message"
            )


def _tool_pairs(turns: list[dict[str, Any]]) -> None:
    """Each tool_use is answered in the very next user turn, first thing; and nothing else is answered."""
    seen: set[str] = set()
    waiting: dict[str, None] = {}
    text_before = False
    previous_role = ""
    for index, turn in enumerate(turns):
        role = turn["role"]
        if role == "assistant" and previous_role != "assistant":
            _nothing_waits(waiting, index)
        if role != previous_role:
            text_before = False
        for position, block in enumerate(blocks_of(turn)):
            if block["type"] == "tool_use":
                _open_call(block["id"], seen, waiting, f"messages.{index}.content.{position}")
            elif block["type"] == "tool_result":
                _close_call(block["tool_use_id"], waiting, text_before, f"messages.{index}.content.{position}")
            else:
                text_before = True
        if role == "user" and (index + 1 == len(turns) or turns[index + 1]["role"] != "user"):
            _nothing_waits(waiting, index)
        previous_role = role
    _nothing_waits(waiting, len(turns))


def _open_call(call_id: str, seen: set[str], waiting: dict[str, None], path: str) -> None:
    if call_id in seen:
        raise Invalid(f"{path}: `tool_use` ids must be unique")
    seen.add(call_id)
    waiting[call_id] = None


def _close_call(call_id: str, waiting: dict[str, None], text_before: bool, path: str) -> None:
    if call_id not in waiting:
        raise Invalid(
            f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id}. Each `tool_result` block "
            "must have a corresponding `tool_use` block in the previous message."
        )
    if text_before:
        raise Invalid(f"{path}: `tool_result` blocks must come first in the content of the user message")
    del waiting[call_id]


def _nothing_waits(waiting: dict[str, None], index: int) -> None:
    if waiting:
        raise Invalid(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            + ", ".join(waiting)
        )


def _last_turn(turns: list[dict[str, Any]], card: ModelCard) -> None:
    last = turns[-1]
    for index, turn in enumerate(turns[:-1]):
        if not turn["content"]:
            raise Invalid(
                f"messages.{index}: all messages must have non-empty content except for the optional "
                "final assistant message"
            )
    if last["role"] != "assistant":
        if not last["content"]:
            raise Invalid(f"messages.{len(turns) - 1}: all messages must have non-empty content")
        return
    if not card.prefill:
        raise Invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    blocks = blocks_of(last)
    if blocks and blocks[-1]["type"] == "text" and blocks[-1]["text"] != blocks[-1]["text"].rstrip():
        raise Invalid("messages: final assistant content cannot end with trailing whitespace")
