"""Checks of a chat-completions body (protocol section 10)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.simulator import fields
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid

_ROLES = ("system", "developer", "user", "assistant", "tool")
_PARTS = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "file", "input_audio"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
_MOST_STOPS = 4
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_shape(body: Any) -> dict[str, Any]:
    """Check what can be checked without knowing the model; unknown fields are ignored."""
    checked = fields.mapping(body, "body")
    _check_fields(checked)
    return checked


def _check_fields(body: dict[str, Any]) -> None:
    fields.required(body, "", "model", "messages")
    if not fields.text(body["model"], "model"):
        raise Invalid("model: you must provide a model parameter")
    turns = fields.sequence(body["messages"], "messages")
    if not turns:
        raise Invalid("messages: [] is too short")
    for index, turn in enumerate(turns):
        _turn(turn, f"messages.{index}")
    _tool_pairs(turns)
    _parameters(body)
    _tools(body)


def check_for_model(body: dict[str, Any], card: ModelCard) -> None:
    """Check what depends on the model."""
    for name in ("max_tokens", "max_completion_tokens"):
        most = body.get(name)
        if most is not None and most > card.max_output:
            raise Invalid(
                f"{name}: {most} is too large. This model supports at most {card.max_output} completion tokens."
            )
    if card.sampling == "default_only":
        for name in ("temperature", "top_p"):
            if body.get(name) not in (None, 1):
                raise Invalid(
                    f"{name}: only the default (1) value is supported with this model.", code="unsupported_value"
                )
    if card.sampling == "one_of_two" and body.get("temperature") is not None and body.get("top_p") is not None:
        raise Invalid("`temperature` and `top_p` cannot both be specified for this model.")
    if body["messages"][-1]["role"] == "assistant" and not card.prefill:
        raise Invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def _turn(turn: Any, path: str) -> None:
    turn = fields.mapping(turn, path)
    role = fields.one_of(turn.get("role"), f"{path}.role", _ROLES)
    content = turn.get("content")
    if content is None:
        if role != "assistant" or not (turn.get("tool_calls") or turn.get("refusal")):
            raise Invalid(f"{path}.content: Field required")
    elif not isinstance(content, str):
        for index, part in enumerate(fields.sequence(content, f"{path}.content")):
            _part(part, f"{path}.content.{index}", _PARTS[role])
    if role == "tool":
        fields.text(turn.get("tool_call_id"), f"{path}.tool_call_id")
    for index, call in enumerate(fields.sequence(turn.get("tool_calls") or [], f"{path}.tool_calls")):
        _call(call, f"{path}.tool_calls.{index}")


def _part(part: Any, path: str, allowed: tuple[str, ...]) -> None:
    part = fields.mapping(part, path)
    kind = fields.one_of(part.get("type"), f"{path}.type", allowed)
    if kind == "text":
        fields.text(part.get("text"), f"{path}.text")
    elif kind == "image_url":
        url = fields.text(
            fields.mapping(part.get("image_url"), f"{path}.image_url").get("url"), f"{path}.image_url.url"
        )
        if not url.startswith(("https://", "http://", "data:image/")):
            raise Invalid(f"{path}.image_url.url: Invalid image URL; expected an http(s) or a data:image URL")


def _call(call: Any, path: str) -> None:
    call = fields.mapping(call, path)
    fields.text(call.get("id"), f"{path}.id")
    fields.one_of(call.get("type"), f"{path}.type", ("function",))
    function = fields.mapping(call.get("function"), f"{path}.function")
    fields.text(function.get("name"), f"{path}.function.name")
    fields.text(function.get("arguments"), f"{path}.function.arguments")


def _tool_pairs(turns: list[dict[str, Any]]) -> None:
    waiting: set[str] = set()
    for index, turn in enumerate(turns):
        if turn["role"] == "tool":
            if turn["tool_call_id"] not in waiting:
                raise Invalid(
                    f"messages.{index}.role: messages with role 'tool' must be a response to a preceding message "
                    "with 'tool_calls'."
                )
            waiting.discard(turn["tool_call_id"])
            continue
        _nothing_waits(waiting, index)
        waiting = {call["id"] for call in turn.get("tool_calls") or ()}
    _nothing_waits(waiting, len(turns))


def _nothing_waits(waiting: set[str], index: int) -> None:
    if waiting:
        raise Invalid(
            f"messages.{index}: an assistant message with 'tool_calls' must be followed by tool messages responding to "
            f"each 'tool_call_id'; missing: {', '.join(sorted(waiting))}"
        )


def _parameters(body: dict[str, Any]) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        if body.get(name) is not None:
            fields.integer(body[name], name, low=1)
    if body.get("temperature") is not None:
        fields.number(body["temperature"], "temperature", high=2.0)
    if body.get("top_p") is not None:
        fields.number(body["top_p"], "top_p", high=1.0)
    if body.get("n") is not None and fields.integer(body["n"], "n", low=1) != 1:
        raise Invalid("n: this simulator gives one choice per request", code="unsupported_value")
    if body.get("stream") is not None:
        fields.flag(body["stream"], "stream")
    stop = body.get("stop")
    if isinstance(stop, list):
        if len(stop) > _MOST_STOPS:
            raise Invalid(f"stop: expected an array with at most {_MOST_STOPS} items, not {len(stop)}")
        for index, item in enumerate(stop):
            fields.text(item, f"stop.{index}")
    elif stop is not None:
        fields.text(stop, "stop")
    _response_format(body.get("response_format"))


def _response_format(form: Any) -> None:
    if form is None:
        return
    kind = fields.one_of(
        fields.mapping(form, "response_format").get("type"),
        "response_format.type",
        ("text", "json_object", "json_schema"),
    )
    if kind == "json_schema":
        inner = fields.mapping(form.get("json_schema"), "response_format.json_schema")
        fields.text(inner.get("name"), "response_format.json_schema.name")
        fields.mapping(inner.get("schema"), "response_format.json_schema.schema")


def _tools(body: dict[str, Any]) -> None:
    tools = fields.sequence(body.get("tools") or [], "tools")
    names = [_tool(tool, f"tools.{index}") for index, tool in enumerate(tools)]
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not tools and choice != "none":
        raise Invalid("tool_choice: only allowed when 'tools' are specified.")
    if isinstance(choice, str):
        fields.one_of(choice, "tool_choice", ("none", "auto", "required"))
        return
    choice = fields.mapping(choice, "tool_choice")
    fields.one_of(choice.get("type"), "tool_choice.type", ("function",))
    name = fields.mapping(choice.get("function"), "tool_choice.function").get("name")
    if name not in names:
        raise Invalid(f"tool_choice.function.name: {name!r} is not among the tools")


def _tool(tool: Any, path: str) -> str:
    tool = fields.mapping(tool, path)
    fields.one_of(tool.get("type"), f"{path}.type", ("function",))
    function = fields.mapping(tool.get("function"), f"{path}.function")
    name = fields.text(function.get("name"), f"{path}.function.name")
    if not _TOOL_NAME.fullmatch(name):
        raise Invalid(f"{path}.function.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if function.get("parameters") is not None:
        fields.mapping(function["parameters"], f"{path}.function.parameters")
    return name
