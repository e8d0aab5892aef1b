"""Translates a neutral request into a chat-completions body (protocol section 10)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.core.records import Block, Message, Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers.body import dump_json
from pipeline.providers.wire import wants_stream

_TOOL_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_SERVICE_TIERS = {"standard_only": "default"}
_LEFT_OUT = frozenset({"stream", "stream_options", "thinking", "cache_control"})
"""Parameters without a counterpart: thinking is steered by reasoning_effort, caching is automatic."""

_Set = Callable[[dict[str, Any], Any], None]


def chat_body(request: Request, model_id: str, provider: ProviderSettings) -> dict[str, Any]:
    """Build the body. Unknown parameters pass through; cache breakpoints and thinking blocks have no counterpart."""
    body: dict[str, Any] = {"model": model_id, "messages": _messages(request)}
    for name, value in request.params.items():
        if name == "max_tokens":
            body[provider.max_tokens_field] = value
        elif name in _TRANSLATED:
            _TRANSLATED[name](body, value)
        elif name not in _LEFT_OUT:
            body[name] = value
    body["model"] = model_id
    body["stream"] = streams = wants_stream(request)  # always said: some servers stream unless told otherwise
    if streams:
        body["stream_options"] = {**(request.params.get("stream_options") or {}), "include_usage": True}
    return body


def _messages(request: Request) -> list[Message]:
    messages: list[Message] = []
    if request.system is not None:
        messages.append({"role": "system", "content": _plain_text(request.system)})
    for message in request.messages:
        content = message["content"]
        if isinstance(content, str):
            messages.append({"role": message["role"], "content": content})
        elif message["role"] == "assistant":
            messages.append(_assistant(content))
        else:
            messages.extend(_turn(message["role"], content))
    return messages


def _turn(role: str, blocks: Sequence[Block]) -> list[Message]:
    # Results of tools are messages of their own, and stand before what the user adds.
    results = [block for block in blocks if block.get("type") == "tool_result"]
    turn: list[Message] = [_tool_message(block) for block in results]
    shown = [part for block in results for part in _result_images(block)]
    parts = shown + [_part(block) for block in blocks if block.get("type") != "tool_result"]
    if parts:
        turn.append({"role": role, "content": parts})
    return turn


def _tool_message(block: Block) -> Message:
    content = block.get("content")
    return {
        "role": "tool",
        "tool_call_id": block.get("tool_use_id"),
        "content": "" if content is None else _plain_text(content),
    }


def _result_images(block: Block) -> list[Block]:
    content = block.get("content")
    if not isinstance(content, Sequence) or isinstance(content, str):
        return []
    return [_part(inner) for inner in content if inner.get("type") not in ("text", None)]


def _assistant(blocks: Sequence[Block]) -> Message:
    text = _plain_text(blocks, "")
    calls = [_tool_call(block) for block in blocks if block.get("type") == "tool_use"]
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _tool_call(block: Block) -> dict[str, Any]:
    arguments = dump_json(block.get("input", {})).decode()
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _plain_text(content: str | Sequence[Block], separator: str = "\n\n") -> str:
    if isinstance(content, str):
        return content
    return separator.join(block["text"] for block in content if block.get("type") == "text")


def _part(block: Block) -> Block:
    kind = block.get("type")
    if kind == "text":
        return {"type": "text", "text": block["text"]}
    if kind == "search_result":
        return {"type": "text", "text": _plain_text(block.get("content") or ())}
    source = block.get("source")
    if not isinstance(source, Mapping):
        return block
    if kind == "image":
        return _image(block, source)
    return _document(block, source) if kind == "document" else block


def _image(block: Block, source: Mapping[str, Any]) -> Block:
    if source.get("type") == "base64":
        return {"type": "image_url", "image_url": {"url": _data_url(source)}}
    if source.get("type") == "url":
        return {"type": "image_url", "image_url": {"url": source["url"]}}
    return block


def _document(block: Block, source: Mapping[str, Any]) -> Block:
    if source.get("type") == "text":
        return {"type": "text", "text": source["data"]}
    if source.get("type") == "content":
        return {"type": "text", "text": _plain_text(source["content"])}
    if source.get("type") == "base64" and str(source.get("media_type")).startswith("text/"):
        return {"type": "text", "text": base64.b64decode(source["data"]).decode("utf-8", "replace")}
    if source.get("type") == "base64":
        name = block.get("title") or "document.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": _data_url(source)}}
    if source.get("type") == "file":
        return {"type": "file", "file": {"file_id": source["file_id"]}}
    return block


def _data_url(source: Mapping[str, Any]) -> str:
    return f"data:{source['media_type']};base64,{source['data']}"


def _set_stop(body: dict[str, Any], value: Any) -> None:
    body["stop"] = value


def _set_tools(body: dict[str, Any], value: Any) -> None:
    body["tools"] = [_function(tool) if "input_schema" in tool else tool for tool in value]


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    function.update((name, tool[name]) for name in ("description", "strict") if name in tool)
    return {"type": "function", "function": function}


def _set_tool_choice(body: dict[str, Any], value: Any) -> None:
    if not isinstance(value, Mapping):
        body["tool_choice"] = value
        return
    kind = value.get("type")
    if kind == "tool":
        body["tool_choice"] = {"type": "function", "function": {"name": value["name"]}}
    else:
        body["tool_choice"] = _TOOL_CHOICES.get(str(kind), value)
    if "disable_parallel_tool_use" in value:
        body["parallel_tool_calls"] = not value["disable_parallel_tool_use"]


def _set_metadata(body: dict[str, Any], value: Any) -> None:
    others = {name: item for name, item in value.items() if name != "user_id"}
    if value.get("user_id") is not None:
        body["user"] = value["user_id"]
    if others:
        body["metadata"] = others


def _set_output_config(body: dict[str, Any], value: Any) -> None:
    if (effort := value.get("effort")) is not None:
        body["reasoning_effort"] = effort
    form = value.get("format")
    if form is None:
        return
    if form.get("type") != "json_schema":
        body["response_format"] = form
        return
    schema = {"name": form.get("name", "answer"), "schema": form["schema"], "strict": form.get("strict", True)}
    body["response_format"] = {"type": "json_schema", "json_schema": schema}


def _set_service_tier(body: dict[str, Any], value: Any) -> None:
    body["service_tier"] = _SERVICE_TIERS.get(value, value)


_TRANSLATED: Mapping[str, _Set] = {
    "stop_sequences": _set_stop,
    "tools": _set_tools,
    "tool_choice": _set_tool_choice,
    "metadata": _set_metadata,
    "output_config": _set_output_config,
    "service_tier": _set_service_tier,
}
