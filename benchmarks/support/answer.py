"""The answer that the servers give, in the two protocols."""

from __future__ import annotations

import json
from typing import Any

MODEL = "claude-sonnet-4-5-20250929"
TEXT = (
    "Let us take it step by step. The baker has 4 trays with 12 rolls each, so 4 times 12 makes 48 rolls. "
    "She sells half of them in the morning, which leaves 24, and gives 6 to her neighbour, which leaves 18. "
    "Then she bakes one more tray of 12, so there are 18 plus 12, that is 30 rolls. The answer is 30."
)
INPUT_TOKENS = 96
OUTPUT_TOKENS = 88


def messages_answer(*, input_tokens: int = INPUT_TOKENS, output_tokens: int = OUTPUT_TOKENS) -> dict[str, Any]:
    """A finished answer of the Messages protocol."""
    return {
        "id": "msg_01BenchmarkAnswer0000001",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
    }


def chat_answer() -> dict[str, Any]:
    """The same answer as a chat completion."""
    return {
        "id": "chatcmpl-BenchmarkAnswer0000001",
        "object": "chat.completion",
        "created": 1_764_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }


def as_text(answer: dict[str, Any]) -> str:
    """The answer's body."""
    return json.dumps(answer, separators=(",", ":"))
