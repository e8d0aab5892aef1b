"""What is not refused and still not what the user meant: warnings before anything is sent (protocol 8, 9, 11)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from pipeline.core.records import Message, Request
from pipeline.core.settings import ProviderSettings
from pipeline.core.tokens import estimate_request_tokens
from pipeline.providers import asked
from pipeline.providers.breakpoints import breakpoints
from pipeline.providers.capabilities import Capabilities, capabilities

_NOTICE = timedelta(days=90)
_THINKING_TWIN_TOKENS = 4096
_SILENT_PROVIDERS = ("recorded", "simulator")
"""Those whose models are nobody's: nothing needs to be known of them."""
_OLD_TYPED_TOOLS = "_20241022"
_PARAMETERS = (
    "max_tokens", "metadata", "stop_sequences", "temperature", "top_p", "top_k", "tools", "tool_choice", "thinking",
    "service_tier", "container", "context_management", "mcp_servers", "output_config", "output_format",
    "cache_control", "inference_geo", "speed", "stream",
    "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n", "seed", "user", "stop",
    "response_format", "reasoning_effort", "parallel_tool_calls", "max_completion_tokens",
)  # fmt: skip
"""Of both protocols; any other passes through as well, and is spoken of only when it looks like one of these."""
_ALIKE = 0.85


def cautions(request: Request | None, *, provider: ProviderSettings, model: str, today: date) -> list[str]:
    """Say what the user should know and may ignore; without a request, of the model alone."""
    misspelt = [] if request is None else list(_spelling_cautions(request))
    if provider.name in _SILENT_PROVIDERS:
        return misspelt
    known = capabilities(provider.name, model)
    found = misspelt + list(_model_cautions(known, model, today))
    if request is not None:
        found += (
            _chat_cautions(request) if provider.protocol == "openai-chat" else _cache_cautions(request, known, model)
        )
        found += _thinking_cautions(request, known, model)
        found += _tool_cautions(request)
    return found


def _spelling_cautions(request: Request) -> Iterator[str]:
    for name in request.params:
        close = [] if name in _PARAMETERS else difflib.get_close_matches(name, _PARAMETERS, n=1, cutoff=_ALIKE)
        if close:
            yield f"{name!r} is sent as it stands, and no parameter is known by that name; did you mean {close[0]!r}?"


def _model_cautions(known: Capabilities | None, model: str, today: date) -> Iterator[str]:
    if known is None:
        yield f"nothing is known of {model}: what it refuses will only be seen in its answers"
        return
    if known.retires is None or known.retires > today + _NOTICE:
        return
    successor = f"; its successor is {known.successor}" if known.successor else ""
    yield f"{model} {'was to retire' if known.retires <= today else 'retires'} on {known.retires}{successor}"


def _cache_cautions(request: Request, known: Capabilities | None, model: str) -> Iterator[str]:
    if known is None or known.cache_minimum_tokens is None or not breakpoints(request):
        return
    tokens = estimate_request_tokens(_cached_prefix(request), dense=known.dense_tokens)
    if tokens < known.cache_minimum_tokens:
        yield (
            f"cache_control is set on about {tokens:,} tokens, and {model} caches nothing under "
            f"{known.cache_minimum_tokens:,}; make the prefix longer, or remove cache_control"
        )


def _cached_prefix(request: Request) -> Request:
    """The part of `request` up to its last breakpoint."""
    if "cache_control" in request.params:
        return request
    for count in range(len(request.messages), 0, -1):
        message = request.messages[count - 1]
        if breakpoints(Request(messages=(message,))):
            return replace(request, messages=(*request.messages[: count - 1], _until_mark(message)))
    system = request.system
    marked = system is not None and bool(breakpoints(Request(messages=(), system=system)))
    return replace(request, messages=(), system=system if marked else None)


def _until_mark(message: Message) -> Message:
    blocks = message["content"]
    last = max(position for position, block in enumerate(blocks) if "cache_control" in block)
    return {**message, "content": blocks[: last + 1]}


def _chat_cautions(request: Request) -> Iterator[str]:
    if "thinking" in request.params:
        yield "thinking has no counterpart in chat completions and is not sent; use output_config.effort"
    if breakpoints(request):
        yield "cache_control has no counterpart in chat completions, which cache by themselves; it is not sent"


def _thinking_cautions(request: Request, known: Capabilities | None, model: str) -> Iterator[str]:
    if known is None:
        return
    max_tokens = request.params.get("max_tokens")
    if known.always_thinks and isinstance(max_tokens, int) and max_tokens < _THINKING_TWIN_TOKENS:
        yield f"{model} thinks within max_tokens = {max_tokens}; {_THINKING_TWIN_TOKENS} leave room for an answer"
    if asked.thinking_type(request) == "enabled" and {"enabled", "adaptive"} <= set(known.thinking or ()):
        yield f'thinking.type = "enabled" is deprecated for {model}; use "adaptive" with output_config.effort'


def _tool_cautions(request: Request) -> Iterator[str]:
    kinds = [str(tool.get("type")) for tool in asked.tools(request)]
    old = [kind for kind in kinds if kind.endswith(_OLD_TYPED_TOOLS)]
    if old:
        yield f"{', '.join(old)} belong to retired models and are refused by most; use the newer types of these tools"
