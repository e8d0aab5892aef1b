"""What was asked and what is answered, whatever the wire format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.prompt_cache import NO_CACHE, CachePlan

Route = Literal["messages", "chat"]
ToolUse = Literal["auto", "any", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that the provider does not take."""

    status: int
    message: str
    code: str | None = None
    """The error code of OpenAI-style bodies, where it is more than the status says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """A tool that the model may call."""

    name: str
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)
    server_side: bool = False
    """The provider would run it; the simulated model never calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that the model calls."""

    name: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that passed its checks."""

    card: ModelCard
    model_id: str
    key: str
    """Hash of the canonical body."""
    user_text: str
    """The text of the last user turn."""
    system_text: str = ""
    prefill: str = ""
    input_tokens: int
    max_tokens: int
    temperature: float = 1.0
    stop_sequences: tuple[str, ...] = ()
    tools: tuple[ToolOffer, ...] = ()
    tool_use: ToolUse = "auto"
    parallel_tools: bool = True
    """Several tools may be called at once."""
    forced_tool: str | None = None
    tool_result: str | None = None
    """What the last user turn brings back from a tool."""
    image_count: int = 0
    schema: dict[str, Any] | None = None
    """The JSON schema that the answer must follow."""
    any_json: bool = False
    """The answer must be some JSON object."""
    thinks: bool = False
    thinking_budget: int | None = None
    thinking_shown: bool = True
    """False: thinking comes back as a signature alone."""
    thinking_redacted: bool = False
    stream: bool = False
    stream_usage: bool = True
    """Whether a stream tells the usage; chat clients have to ask for it."""
    promised_output: int | None = None
    """The most output that the request itself allows; None when it names no limit."""
    cache: CachePlan = NO_CACHE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: str | None = None
    """The whole thought, whether or not it is shown."""
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    output_tokens: int
    thinking_tokens: int = 0
