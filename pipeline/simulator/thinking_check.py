"""Checks of the field `thinking` and of thinking blocks that come back (protocol section 9)."""

from __future__ import annotations

from typing import Any

from pipeline.simulator import fields, thinking
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid


def check_thinking(body: dict[str, Any], card: ModelCard, *, interleaved: bool) -> None:
    """Check the field `thinking` against the model, and the blocks that come back (Invalid says what is wrong).

    `interleaved` thinking goes on between tool calls: its budget may exceed one answer.
    """
    asked = body.get("thinking")
    if asked is not None:
        _field(body, fields.mapping(asked, "thinking"), card, interleaved)
    thinking.check_returned(body["messages"], asked)


def _field(body: dict[str, Any], asked: dict[str, Any], card: ModelCard, interleaved: bool) -> None:
    kind = asked.get("type")
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
    effort = (body.get("output_config") or {}).get("effort")
    if kind == "disabled" and card.disabled_needs_low_effort and effort != "low":
        raise Invalid('"thinking.type.disabled" is only supported with "output_config.effort" low for this model.')
    if asked.get("display") is not None:
        fields.one_of(asked["display"], f"thinking.{kind}.display", ("summarized", "omitted"))
    if kind == "enabled":
        _budget(body, asked, interleaved)


def _budget(body: dict[str, Any], asked: dict[str, Any], interleaved: bool) -> None:
    fields.required(asked, "thinking", "budget_tokens")
    budget = fields.integer(asked["budget_tokens"], "thinking.enabled.budget_tokens", low=1024)
    if "max_tokens" in body and budget >= body["max_tokens"] and not interleaved:
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
