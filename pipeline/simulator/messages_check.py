"""Checks of a Messages body, worded and ordered as the original does (protocol 1.2, 1.6 to 1.9, 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.simulator import blocks_check, fields
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.profiles import Profile

NEWEST_VERSION = "2026-10-21"
_VERSIONS = ("2023-01-01", "2023-06-01", NEWEST_VERSION)
_SAMPLING = ("temperature", "top_p", "top_k")
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")
_FIELDS = frozenset(
    (
        *_COUNTED,
        *_SAMPLING,
        "max_tokens",
        "stop_sequences",
        "stream",
        "metadata",
        "service_tier",
        "speed",
        "inference_geo",
        "container",
        "diagnostics",
        "user_profile_id",
        "workspace_id",
    )
)
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPED_TOOL = re.compile(
    r"(bash_20250124|text_editor_(20250124|20250429|20250728)|computer_(20250124|20251124)|memory_20250818"
    r"|(computer|browser)_toolset_20260801|web_search_(20250305|20260209|20260318)"
    r"|web_fetch_(20250910|20260209|20260309|20260318)|code_execution_(20250522|20250825|20260120|20260521)"
    r"|tool_search_tool_(regex|bm25)_20251119)"
)
_BETAS = frozenset(
    (
        "interleaved-thinking-2025-05-14",
        "context-management-2025-06-27",
        "files-api-2025-04-14",
        "output-300k-2026-03-24",
        "fast-mode-2026-02-01",
        "compact-2026-01-12",
        "server-side-fallback-2026-07-01",
        "model-context-window-exceeded-2025-08-26",
        "prompt-caching-2024-07-31",
        "extended-cache-ttl-2025-04-11",
        "message-batches-2024-09-24",
        "token-counting-2024-11-01",
        "pdfs-2024-09-25",
        "structured-outputs-2025-11-13",
    )
)


def check_headers(headers: Mapping[str, str], profile: Profile) -> None:
    """Check anthropic-version and anthropic-beta; gateways look at neither."""
    if not profile.version_required:
        return
    version = headers.get("anthropic-version")
    if not version:
        raise Invalid("anthropic-version: header is required")
    if version not in _VERSIONS:
        raise Invalid(f"anthropic-version: {version!r} is not a valid version; use one of {', '.join(_VERSIONS)}")
    names = [name.strip() for name in headers.get("anthropic-beta", "").split(",")]
    unknown = [name for name in names if name and name not in _BETAS]
    if unknown:
        raise Invalid(f"Unexpected value(s) {', '.join(f'`{name}`' for name in unknown)} for the anthropic-beta header")


def check_shape(body: Any, profile: Profile, *, counting: bool = False) -> dict[str, Any]:
    """Check what can be checked without knowing the model; `counting` for count_tokens."""
    checked = fields.mapping(body, "body")
    _check_fields(checked, profile, counting=counting)
    return checked


def _check_fields(body: dict[str, Any], profile: Profile, *, counting: bool) -> None:
    fields.required(body, "", *(("model", "messages") if counting else ("model", "max_tokens", "messages")))
    if profile.strict:
        fields.only(body, "", _COUNTED if counting else _FIELDS)
    fields.text(body["model"], "model")
    if not body["model"]:
        raise Invalid("model: String should have at least 1 character")
    if "max_tokens" in body:
        fields.integer(body["max_tokens"], "max_tokens", low=0 if profile.zero_max_tokens else 1)
    _system(body.get("system"), profile)
    _sampling_ranges(body)
    _stop_sequences(body.get("stop_sequences"), profile)
    _small_fields(body)


def check_for_model(body: dict[str, Any], card: ModelCard, profile: Profile, *, version: str | None) -> None:
    """Check what depends on the model, the turns included."""
    most = body.get("max_tokens", 0)
    if most > card.max_output:
        raise Invalid(
            f"max_tokens: {most} > {card.max_output}, which is the maximum allowed number of output tokens "
            f"for {body['model']}"
        )
    newest = profile.strict and version == NEWEST_VERSION
    _sampling_rules(body, card, newest_version=newest)
    blocks_check.check_turns(body["messages"], card, profile, newest_version=newest)
    _tools(body, card)
    _thinking(body, card)
    _output_config(body, card)
    if most == 0 and "max_tokens" in body:
        _zero_max_tokens(body)


def check_length(input_tokens: int, max_tokens: int, card: ModelCard) -> None:
    """Check the prompt against the model's window."""
    if input_tokens > card.window:
        raise Invalid(
            f"prompt is too long: {input_tokens} tokens > {card.window} maximum", code="context_length_exceeded"
        )
    if card.input_and_output_share_window and input_tokens + max_tokens > card.window:
        raise Invalid(
            f"input length and `max_tokens` exceed context limit: {input_tokens} + {max_tokens} > {card.window}",
            code="context_length_exceeded",
        )


def _system(system: Any, profile: Profile) -> None:
    if system is None or isinstance(system, str):
        return
    for index, block in enumerate(fields.sequence(system, "system")):
        block = fields.mapping(block, f"system.{index}")
        fields.one_of(block.get("type"), f"system.{index}.type", ("text",))
        blocks_check.check_text_block(block, f"system.{index}")


def _sampling_ranges(body: dict[str, Any]) -> None:
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            fields.number(body[name], name, high=1.0)
    if body.get("top_k") is not None:
        fields.integer(body["top_k"], "top_k", low=0)


def _sampling_rules(body: dict[str, Any], card: ModelCard, *, newest_version: bool) -> None:
    for name in _SAMPLING:
        if newest_version and name in body:
            raise Invalid(f"{name}: Extra inputs are not permitted")
    if card.sampling == "one_of_two" and body.get("temperature") is not None and body.get("top_p") is not None:
        raise Invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if card.sampling == "default_only":
        for name in _SAMPLING:
            if body.get(name) is not None and (name == "top_k" or body[name] != 1):
                raise Invalid(f"`{name}` may only be left at its default for this model.")


def _stop_sequences(stops: Any, profile: Profile) -> None:
    if stops is None:
        return
    for index, stop in enumerate(fields.sequence(stops, "stop_sequences")):
        if not fields.text(stop, f"stop_sequences.{index}").strip():
            raise Invalid(f"stop_sequences.{index}: each stop sequence must contain non-whitespace")
    most = profile.most_stop_sequences
    if most is not None and len(stops) > most:
        raise Invalid(f"stop_sequences: List should have at most {most} items, not {len(stops)}")


def _small_fields(body: dict[str, Any]) -> None:
    if body.get("stream") is not None:
        fields.flag(body["stream"], "stream")
    if body.get("metadata") is not None:
        user = fields.mapping(body["metadata"], "metadata").get("user_id")
        if user is not None:
            fields.text(user, "metadata.user_id")
    if body.get("service_tier") is not None:
        fields.one_of(body["service_tier"], "service_tier", ("auto", "standard_only"))
    if body.get("speed") is not None:
        fields.one_of(body["speed"], "speed", ("standard", "fast"))
    blocks_check.check_cache_control(body, "")


def _tools(body: dict[str, Any], card: ModelCard) -> None:
    tools = fields.sequence(body.get("tools") or [], "tools")
    names = [_tool(tool, f"tools.{index}") for index, tool in enumerate(tools)]
    if len(set(names)) != len(names):
        raise Invalid("tools: Tool names must be unique.")
    if not tools and blocks_check.has_tool_blocks(body["messages"]):
        raise Invalid("tools: Field required when the conversation holds `tool_use` or `tool_result` blocks")
    choice = body.get("tool_choice")
    if choice is None:
        return
    choice = fields.mapping(choice, "tool_choice")
    kind = fields.one_of(choice.get("type"), "tool_choice.type", ("auto", "any", "tool", "none"))
    if not tools and kind != "none":
        raise Invalid("tool_choice may only be specified while providing tools.")
    if kind in ("any", "tool") and not card.forced_tools:
        raise Invalid('tool_choice: type "tool" and "any" are not supported for this model.')
    if kind == "tool":
        fields.required(choice, "tool_choice", "name")
        if choice["name"] not in names:
            raise Invalid(f"tool_choice.name: Tool {choice['name']!r} not found in provided tools")


def _tool(tool: Any, path: str) -> str:
    tool = fields.mapping(tool, path)
    kind = tool.get("type") or "custom"
    if kind != "custom":
        if not isinstance(kind, str) or not _TYPED_TOOL.fullmatch(kind):
            raise Invalid(f"{path}: Input tag {kind!r} found using 'type' does not match any of the expected tags")
        return str(tool.get("name", kind))
    fields.required(tool, path, "name", "input_schema")
    if not _TOOL_NAME.fullmatch(fields.text(tool["name"], f"{path}.name")):
        raise Invalid(f"{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    schema = fields.mapping(tool["input_schema"], f"{path}.input_schema")
    fields.one_of(schema.get("type"), f"{path}.input_schema.type", ("object",))
    if tool.get("description") is not None:
        fields.text(tool["description"], f"{path}.description")
    blocks_check.check_cache_control(tool, path)
    return str(tool["name"])


def _thinking(body: dict[str, Any], card: ModelCard) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = fields.mapping(thinking, "thinking").get("type")
    fields.one_of(kind, "thinking.type", ("enabled", "adaptive", "disabled", "between_tools"))
    if kind not in card.thinking:
        if kind == "adaptive":
            raise Invalid("adaptive thinking is not supported on this model")
        raise Invalid(
            f'"thinking.type.{kind}" is not supported for this model. '
            + (
                'Use "thinking.type.adaptive" and "output_config.effort" instead.'
                if "adaptive" in card.thinking
                else ""
            )
        )
    if kind == "enabled":
        _thinking_budget(body, thinking)


def _thinking_budget(body: dict[str, Any], thinking: dict[str, Any]) -> None:
    fields.required(thinking, "thinking", "budget_tokens")
    budget = fields.integer(thinking["budget_tokens"], "thinking.enabled.budget_tokens", low=1024)
    if "max_tokens" in body and budget >= body["max_tokens"]:
        raise Invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if body.get("temperature") not in (None, 1):
        raise Invalid("`temperature` may only be set to 1 when thinking is enabled.")
    if body.get("top_k") is not None:
        raise Invalid("`top_k` must be unset when thinking is enabled.")
    if (body.get("top_p") or 1) < 0.95:
        raise Invalid("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise Invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if body["messages"][-1]["role"] == "assistant":
        raise Invalid("messages: prefill is not supported when thinking is enabled")


def _output_config(body: dict[str, Any], card: ModelCard) -> None:
    config = body.get("output_config")
    if config is None:
        return
    config = fields.mapping(config, "output_config")
    if not card.structured_output:
        raise Invalid("output_config is not supported on this model")
    if config.get("effort") is not None:
        fields.one_of(config["effort"], "output_config.effort", ("low", "medium", "high", "xhigh", "max"))
    if config.get("format") is None:
        return
    form = fields.mapping(config["format"], "output_config.format")
    fields.one_of(form.get("type"), "output_config.format.type", ("json_schema",))
    fields.mapping(form.get("schema"), "output_config.format.schema")
    if body["messages"][-1]["role"] == "assistant":
        raise Invalid("messages: prefill is not supported with output_config.format")


def _zero_max_tokens(body: dict[str, Any]) -> None:
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    formatted = (body.get("output_config") or {}).get("format") is not None
    thinking = (body.get("thinking") or {}).get("type") == "enabled"
    if body.get("stream") or forced or formatted or thinking:
        raise Invalid("max_tokens: 0 is not supported with stream, thinking, output_config.format or a forced tool")
