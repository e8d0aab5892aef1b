"""What a model or a gateway is known to refuse in a request, and what to change (protocol 1, 8, 9, 10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.records import Block, Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers import asked
from pipeline.providers.anthropic_messages import AnthropicMessages
from pipeline.providers.breakpoints import breakpoints
from pipeline.providers.capabilities import Capabilities, capabilities, gateway
from pipeline.providers.output_schema import schema_objections
from pipeline.providers.thinking_rules import thinking_objections
from pipeline.providers.wire import wants_stream

MAX_BREAKPOINTS = 4
STRICT_VERSION = "2026-10-21"
"""From this anthropic-version on, temperature, top_p and top_k are refused whatever their value."""

_OPENAI_STOP_SEQUENCES = 4
_INTERLEAVED = "interleaved-thinking-"
_SAMPLING_DEFAULTS: Mapping[str, Any] = {"temperature": 1, "top_p": 1}
_CHOICES_AMONG_TOOLS = ("auto", "any", "tool")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def objections(request: Request, *, provider: ProviderSettings, model: str, beta: tuple[str, ...] = ()) -> list[str]:
    """Say what would be refused, and what to change; empty when nothing is known against the request.

    `beta` are the names that the evaluation itself sends as anthropic-beta.
    """
    is_chat = provider.protocol == "openai-chat"
    found = list(_gateway_objections(request, provider))
    found += _tool_objections(request)
    found += _chat_objections(request) if is_chat else _messages_objections(request, provider)
    known = capabilities(provider.name, model)
    if known is None:
        return found
    found += _prefill_objections(request, known, model)
    found += _sampling_objections(request, known, model)
    found += output_objections(request, known, model)
    if not is_chat:
        found += _turn_objections(request, known, model)
        found += thinking_objections(request, known, model, interleaved=_interleaves(provider, beta))
    return found


def _interleaves(provider: ProviderSettings, beta: tuple[str, ...]) -> bool:
    """Whether thinking between tool calls is asked for, whose budget may exceed one answer."""
    names = AnthropicMessages().headers(provider, beta).get("anthropic-beta", "")
    return any(name.strip().startswith(_INTERLEAVED) for name in names.split(","))


def _gateway_objections(request: Request, provider: ProviderSettings) -> Iterator[str]:
    rules, params = gateway(provider.name), request.params
    stops = params.get("stop_sequences")
    stops = stops if isinstance(stops, list | tuple) else ()
    most = _OPENAI_STOP_SEQUENCES if provider.protocol == "openai-chat" else rules.max_stop_sequences
    if most is not None and len(stops) > most:
        yield f"{provider.name} takes at most {most} stop_sequences, not {len(stops)}; leave some out"
    if not rules.url_images:
        for kind, plural in (("image", "images"), ("document", "documents")):
            if any(source.get("type") == "url" for source in asked.sources(request, kind)):
                yield f"{provider.name} takes {plural} as data only, not by URL; give a file or a data: URL"
    for name in rules.unknown_params:
        if name in params:
            yield f"{provider.name} knows no {name}; remove it"
    max_tokens = params.get("max_tokens")
    if isinstance(max_tokens, int) and max_tokens < rules.min_max_tokens:
        yield f"max_tokens = {max_tokens} is below the least of {provider.name}, {rules.min_max_tokens}; raise it"
    if not isinstance(params.get("stream", True), bool | None):
        yield f"stream = {params['stream']!r} is neither true nor false; correct it, or leave it out"


def _tool_objections(request: Request) -> Iterator[str]:
    names = [name for tool in asked.tools(request) if isinstance(name := tool.get("name"), str)]
    for name in names:
        if not _TOOL_NAME.fullmatch(name):
            yield f"the tool name {name!r} is refused; use 1 to 64 of: letters, digits, _ and -"
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{count} tools are called {name!r}; give each a name of its own"
    choice = request.params.get("tool_choice")
    if isinstance(choice, Mapping) and choice.get("type") in _CHOICES_AMONG_TOOLS and not asked.tools(request):
        yield f'tool_choice "{choice["type"]}" is refused without tools; add tools, or remove it'
    if isinstance(choice, Mapping) and choice.get("type") == "tool" and names and choice.get("name") not in names:
        yield f"tool_choice names {choice.get('name')!r}, which is not among the tools; use one of: {', '.join(names)}"


def _chat_objections(request: Request) -> Iterator[str]:
    temperature = asked.number(request, "temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        yield f"temperature = {temperature} is outside 0 to 2, the range of chat completions; correct it"
    if any(source.get("type") == "file" for source in asked.sources(request, "image")):
        yield "chat completions know no image by file id; give the image as a file, a data: URL or a URL"
    others = {source.get("type") for source in asked.sources(request, "document")} - {
        "base64",
        "text",
        "file",
        "content",
    }
    if others:
        yield "chat completions take documents as data, text or file id only; give the document as a file"


def _messages_objections(request: Request, provider: ProviderSettings) -> Iterator[str]:
    temperature = asked.number(request, "temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        yield f"temperature = {temperature} is outside 0 to 1, the range of the Messages protocol; correct it"
    marks = sum(1 for _ in breakpoints(request))
    if marks > MAX_BREAKPOINTS:
        yield f"{marks} cache breakpoints are set and at most {MAX_BREAKPOINTS} are taken; remove some cache_control"
    if not asked.tools(request) and any(
        _is_tool_block(block) for turn in request.messages for block in asked.blocks(turn)
    ):
        yield "the conversation holds tool calls and no tools are offered; add the tools that it used"
    yield from _schema_objections(request)
    yield from _warm_up_objections(request)
    version = {name.lower(): value for name, value in provider.headers.items()}.get("anthropic-version", "")
    if version >= STRICT_VERSION:
        yield from _strict_version_objections(request, version)


def _is_tool_block(block: Block) -> bool:
    return block.get("type") in ("tool_use", "tool_result")


def _schema_objections(request: Request) -> Iterator[str]:
    form = asked.output_config(request).get("format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        yield from schema_objections(form.get("schema"))


def _warm_up_objections(request: Request) -> Iterator[str]:
    """`max_tokens = 0` only fills the cache."""
    if request.params.get("max_tokens") != 0:
        return
    excluded = {
        "stream": wants_stream(request),
        "thinking": asked.thinking_type(request) in ("enabled", "adaptive"),
        "output_config.format": bool(asked.output_config(request).get("format")),
        'tool_choice "any" and "tool"': asked.is_forced(request),
    }
    for name, present in excluded.items():
        if present:
            yield f"max_tokens = 0 cannot be combined with {name}; remove it, or raise max_tokens"


def _strict_version_objections(request: Request, version: str) -> Iterator[str]:
    advice = "or pin an older version"
    if named := asked.sampling(request):
        yield f"anthropic-version {version} refuses {', '.join(named)}; remove it, {advice}"
    for message in request.messages:
        for block in asked.blocks(message):
            if message["role"] == "assistant" and block.get("type") == "document":
                yield f"anthropic-version {version} refuses documents in assistant turns; give it to the user, {advice}"
            if message["role"] == "user" and block.get("type") == "text" and block.get("citations"):
                yield f"anthropic-version {version} refuses citations on a user's text; remove them, {advice}"


def _prefill_objections(request: Request, known: Capabilities, model: str) -> Iterator[str]:
    prefill = request.prefill
    if not prefill:
        return
    advice = "end the template with a user message"
    if not known.prefill:
        yield f"{model} does not continue a final assistant turn (a prefill); {advice}"
    elif known.always_thinks or asked.thinking_type(request) in ("enabled", "adaptive"):
        yield f"a prefill cannot be combined with thinking ({model}); {advice}, or turn thinking off"
    elif prefill != prefill.rstrip():
        yield "a prefill that ends in white space is refused; let the final assistant turn end in a word"
    if asked.output_config(request).get("format"):
        yield f"a prefill cannot be combined with output_config.format; {advice}, or remove the format"


def _turn_objections(request: Request, known: Capabilities, model: str) -> Iterator[str]:
    if not known.system_turns and any(turn["role"] == "system" for turn in request.messages):
        yield f"{model} takes no system turn in the middle; put its text before the conversation, or into a user turn"


def _sampling_objections(request: Request, known: Capabilities, model: str) -> Iterator[str]:
    named, params = asked.sampling(request), request.params
    if known.always_thinks:
        if named:
            yield f"{model} always thinks and refuses {', '.join(named)}; remove it, or use the id without -thinking"
        return
    if not known.sampling:
        for name in named:
            if params[name] != _SAMPLING_DEFAULTS.get(name):
                yield f"{model} refuses {name} = {params[name]}; leave {name} out"
        return
    if known.temperature_xor_top_p and "temperature" in named and "top_p" in named:
        yield f"{model} refuses temperature together with top_p; keep one of them"


def output_objections(request: Request, known: Capabilities, model: str) -> Iterator[str]:
    """Say what is beyond the model itself: length, format, eyes, obedience to tool_choice."""
    max_tokens, most = request.params.get("max_tokens"), known.max_output_tokens
    if isinstance(max_tokens, int) and most is not None and max_tokens > most:
        yield f"max_tokens = {max_tokens} is over the {most} that {model} can give; lower it"
    if asked.output_config(request) and not known.output_config:
        yield f"{model} has no output_config; remove it and ask for the format in the prompt, or use a newer model"
    if not known.images and any(True for _ in asked.sources(request, "image")):
        yield f"{model} sees no images; remove them, or use a model that does"
    if asked.is_forced(request) and not known.forced_tool_choice:
        yield f'{model} refuses tool_choice "any" and "tool"; use "auto"'
