"""What each model takes and refuses, read from capabilities.toml, and what to change in a request it would refuse."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.settings import ProviderSettings

_FILE = Path(__file__).with_name("capabilities.toml")
_DATE_SUFFIX = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")
_THINKING_SUFFIX = "-thinking"
_MODEL_WORD = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*-[A-Za-z0-9._-]*[A-Za-z0-9]")
_OPENAI_STOP_SEQUENCES = 4
_SAMPLING_DEFAULTS: Mapping[str, Any] = {"temperature": 1, "top_p": 1}
_NO_SAMPLING_VERSION = "2026-10-21"
"""From this anthropic-version on, temperature, top_p and top_k are refused whatever their value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One model's rules; the fields are explained in capabilities.toml."""

    model: str
    prefill: bool
    sampling: bool
    temperature_xor_top_p: bool
    forced_tool_choice: bool
    max_output_tokens: int
    images: bool
    thinking: tuple[str, ...] | None = None
    """None where the protocol of the model has no such parameter."""
    retires: date | None = None
    successor: str | None = None
    always_thinks: bool = False
    """The id ends in `-thinking`: a gateway turns thinking on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gateway:
    max_stop_sequences: int | None = None
    url_images: bool = True


def capabilities(provider: str, model: str) -> Capabilities | None:
    """Find a model under any gateway's spelling; None when nothing is known of it.

    A `recorded` model calls nobody, so nothing is known of it either.
    """
    if provider == "recorded":
        return None
    thinks = model.endswith(_THINKING_SUFFIX)
    known = _tables()[0].get(_canonical(model))
    if known is None:
        return None
    return _thinking_twin(known) if thinks else known


def find_mentioned(text: str) -> Capabilities | None:
    """Find the first known model that `text` names."""
    models = _tables()[0]
    words = (_canonical(word) for word in _MODEL_WORD.findall(text))
    return next((models[word] for word in words if word in models), None)


def objections(
    request_params: Mapping[str, Any], *, prefill: bool, image_urls: bool, provider: ProviderSettings, model: str
) -> list[str]:
    """Say what the model or the gateway would refuse, and what to change; empty when nothing is known against it."""
    found = list(_gateway_objections(request_params, image_urls, provider))
    known = capabilities(provider.name, model)
    if known is None:
        return found
    found += _prefill_objections(request_params, prefill, known, model)
    found += _sampling_objections(request_params, known, model)
    found += _thinking_objections(request_params, known, model)
    max_tokens = request_params.get("max_tokens")
    if isinstance(max_tokens, int) and max_tokens > known.max_output_tokens:
        found.append(f"max_tokens = {max_tokens} is over the {known.max_output_tokens} that {model} can give; lower it")
    return found


def _gateway_objections(params: Mapping[str, Any], image_urls: bool, provider: ProviderSettings) -> Iterator[str]:
    gateway = _tables()[1].get(provider.name, _Gateway())
    stops = params.get("stop_sequences") or ()
    most = _OPENAI_STOP_SEQUENCES if provider.protocol == "openai-chat" else gateway.max_stop_sequences
    if most is not None and len(stops) > most:
        yield f"{provider.name} takes at most {most} stop_sequences, not {len(stops)}; leave some out"
    if image_urls and not gateway.url_images:
        yield f"{provider.name} takes images as data only, not by URL; give the image as a file or a data: URL"
    temperature = params.get("temperature", 1)
    if provider.protocol == "anthropic-messages" and not 0 <= temperature <= 1:
        yield f"temperature = {temperature} is outside 0 to 1, the range of the Messages protocol"
    if params.get("stream"):
        yield "stream is not a parameter of an evaluation: answers are stored whole; remove it"
    version = {name.lower(): value for name, value in provider.headers.items()}.get("anthropic-version", "")
    named = [name for name in ("temperature", "top_p", "top_k") if name in params]
    if version >= _NO_SAMPLING_VERSION and named:
        yield f"anthropic-version {version} refuses {', '.join(named)}; remove it, or pin an older version"


def _prefill_objections(params: Mapping[str, Any], prefill: bool, known: Capabilities, model: str) -> Iterator[str]:
    if not prefill:
        return
    advice = "end the template with a user message"
    if not known.prefill:
        yield f"{model} does not continue a final assistant turn (a prefill); {advice}"
    elif known.always_thinks or _thinking_type(params) in ("enabled", "adaptive"):
        yield f"a prefill cannot be combined with thinking ({model}); {advice}, or turn thinking off"
    if (params.get("output_config") or {}).get("format"):
        yield f"a prefill cannot be combined with output_config.format; {advice}, or remove the format"


def _sampling_objections(params: Mapping[str, Any], known: Capabilities, model: str) -> Iterator[str]:
    named = [name for name in ("temperature", "top_p", "top_k") if name in params]
    if known.always_thinks:
        if named:
            yield f"{model} always thinks and refuses {', '.join(named)}; remove it, or use the id without -thinking"
        return
    if not known.sampling:
        for name in named:
            if params[name] != _SAMPLING_DEFAULTS.get(name):
                yield f"{model} refuses {name} = {params[name]}; leave {name} out"
        return
    if known.temperature_xor_top_p and "temperature" in params and "top_p" in params:
        yield f"{model} refuses temperature together with top_p; keep one of them"


def _thinking_objections(params: Mapping[str, Any], known: Capabilities, model: str) -> Iterator[str]:
    asked = _thinking_type(params)
    choice = params.get("tool_choice")
    forced = isinstance(choice, Mapping) and choice.get("type") in ("any", "tool")
    if asked is not None and known.thinking is not None and asked not in known.thinking:
        allowed = ", ".join(known.thinking) or "none"
        yield f'{model} refuses thinking.type = "{asked}" (it takes: {allowed}); change or remove thinking'
    if forced and not known.forced_tool_choice:
        yield f'{model} refuses tool_choice "any" and "tool"; use "auto"'
    elif forced and (known.always_thinks or asked == "enabled"):
        yield f'tool_choice "any" and "tool" cannot be combined with thinking ({model}); use "auto"'
    if asked == "enabled":
        yield from _budget_objections(params)


def _budget_objections(params: Mapping[str, Any]) -> Iterator[str]:
    budget = params["thinking"].get("budget_tokens")
    max_tokens = params.get("max_tokens")
    if budget is None or budget < 1024:
        yield f"thinking.budget_tokens must be at least 1024, not {budget}"
    elif max_tokens is not None and budget >= max_tokens:
        yield f"thinking.budget_tokens = {budget} must be below max_tokens = {max_tokens}; raise max_tokens"
    if params.get("temperature", 1) != 1 or "top_k" in params:
        yield "thinking leaves no choice of temperature and top_k; remove them"


def _thinking_type(params: Mapping[str, Any]) -> str | None:
    thinking = params.get("thinking")
    return thinking.get("type") if isinstance(thinking, Mapping) else None


def _canonical(model: str) -> str:
    bare = model.lower().rpartition("/")[2].removesuffix(_THINKING_SUFFIX)
    return _DATE_SUFFIX.sub("", bare).replace(".", "-").rstrip("-")


@cache
def _thinking_twin(known: Capabilities) -> Capabilities:
    values = {name: getattr(known, name) for name in Capabilities.__slots__}
    return Capabilities(**{**values, "always_thinks": True})


@cache
def _tables() -> tuple[Mapping[str, Capabilities], Mapping[str, _Gateway]]:
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    models: dict[str, Capabilities] = {}
    for entry in document["models"]:
        aliases = entry.pop("aliases", [])
        name = entry.pop("id")
        if "thinking" in entry:
            entry["thinking"] = tuple(entry["thinking"])
        for spelling in (name, *aliases):
            models[spelling] = Capabilities(model=spelling, **entry)
    gateways = {name: _Gateway(**entry) for name, entry in document["gateways"].items()}
    return models, gateways
