"""What thinking can be combined with (protocol section 9)."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.records import Request
from pipeline.providers import asked
from pipeline.providers.capabilities import Capabilities

MIN_BUDGET_TOKENS = 1024
_LEAST_TOP_P = 0.95


def thinking_objections(
    request: Request, known: Capabilities, model: str, *, interleaved: bool = False
) -> Iterator[str]:
    """Say what the thinking that `request` asks for, or that the model does by itself, makes impossible.

    The budget of `interleaved` thinking is for all answers of a tool loop, so it may exceed max_tokens.
    """
    kind = asked.thinking_type(request)
    if kind is not None and known.thinking is not None and kind not in known.thinking:
        allowed = ", ".join(known.thinking) or "none"
        yield f'{model} refuses thinking.type = "{kind}" (it takes: {allowed}); change or remove thinking'
    if kind == "disabled" and known.disabled_needs_low_effort:
        effort = asked.output_config(request).get("effort")
        if effort != "low":
            yield f'{model} can leave thinking out at output_config.effort = "low" only; set it, or remove thinking'
    if asked.is_forced(request) and known.forced_tool_choice and (known.always_thinks or kind == "enabled"):
        yield f'tool_choice "any" and "tool" cannot be combined with thinking ({model}); use "auto"'
    if kind == "enabled":
        yield from _budget_objections(request, interleaved)


def _budget_objections(request: Request, interleaved: bool) -> Iterator[str]:
    params = request.params
    budget, max_tokens = asked.thinking(request).get("budget_tokens"), params.get("max_tokens")
    if not isinstance(budget, int) or budget < MIN_BUDGET_TOKENS:
        yield f"thinking.budget_tokens must be at least {MIN_BUDGET_TOKENS}, not {budget}; raise it"
    elif isinstance(max_tokens, int) and budget >= max_tokens and not interleaved:
        yield f"thinking.budget_tokens = {budget} must be below max_tokens = {max_tokens}; raise max_tokens"
    if asked.number(request, "temperature") not in (None, 1) or "top_k" in params:
        yield "thinking leaves no choice of temperature and top_k; remove them"
    top_p = asked.number(request, "top_p")
    if top_p is not None and not _LEAST_TOP_P <= top_p <= 1:
        yield f"thinking takes top_p from {_LEAST_TOP_P} to 1, not {top_p}; change or remove it"
