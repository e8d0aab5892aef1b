"""Checks of a Messages body, worded and ordered as the original does (protocol 1.2, 1.8, 1.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.simulator import blocks_check, fields, schema_check, thinking_check, tools_check
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
_INTERLEAVED = "interleaved-thinking-2025-05-14"
_BETAS = frozenset(
    (
        _INTERLEAVED,
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
    unknown = [name for name in beta_names(headers) if name not in _BETAS]
    if unknown:
        raise Invalid(f"Unexpected value(s) {', '.join(f'`{name}`' for name in unknown)} for the anthropic-beta header")


def beta_names(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Read what anthropic-beta lists."""
    names = (name.strip() for name in headers.get("anthropic-beta", "").split(","))
    return tuple(name for name in names if name)


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


def check_for_model(
    body: dict[str, Any], card: ModelCard, profile: Profile, *, version: str | None, betas: tuple[str, ...] = ()
) -> None:
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
    tools_check.check_tools(body, card, profile)
    thinking_check.check_thinking(body, card, interleaved=_INTERLEAVED in betas)
    _output_config(body, card, profile)
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


def _output_config(body: dict[str, Any], card: ModelCard, profile: Profile) -> None:
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
    schema = fields.mapping(form.get("schema"), "output_config.format.schema")
    if profile.strict:
        schema_check.check_subset(schema, "output_config.format.schema")
    if body["messages"][-1]["role"] == "assistant":
        raise Invalid("messages: prefill is not supported with output_config.format")


def _zero_max_tokens(body: dict[str, Any]) -> None:
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    formatted = (body.get("output_config") or {}).get("format") is not None
    thinking = (body.get("thinking") or {}).get("type") == "enabled"
    if body.get("stream") or forced or formatted or thinking:
        raise Invalid("max_tokens: 0 is not supported with stream, thinking, output_config.format or a forced tool")
