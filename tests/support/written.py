"""Requests written as evaluations of one row, and the bodies that they must send."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.load import Overrides
from pipeline.providers.formats import wire_format
from pipeline.steps.prepare import prepare

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = {
    "name": "get_weather",
    "description": "주어진 위치의 현재 날씨 가져오기",
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "도시 및 주, 예: San Francisco, CA"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "온도 단위"},
        },
        "required": ["location"],
    },
}
SONNET = "apimart/claude-sonnet-4-5-20250929"


@dataclass(frozen=True, kw_only=True)
class Written:
    """An evaluation of one row, and the body that it must send."""

    template: str
    body: dict[str, Any]
    row: dict[str, Any] = field(default_factory=lambda: {"x": "-"})
    params: str = ""
    model: str = SONNET
    beta: tuple[str, ...] = ()
    """Names that the anthropic-beta header must carry."""


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


TURNS = [
    user("머신러닝이 무엇인가요?"),
    assistant("머신러닝은 AI의 한 분야입니다..."),
    user("실용적인 예를 들어주실 수 있나요?"),
]
IMAGE_URL = "https://example.com/image.jpg"

SEED_CASES = {
    "the first example": Written(template="Hello, world", body={"messages": [user("Hello, world")]}),
    "system as a string": Written(
        template="{% system %}{{ role }}{% endsystem %}{% user %}{{ x }}{% enduser %}",
        row={"role": "당신은 전문 Python 프로그래밍 튜터입니다", "x": "이 코드를 어떻게 최적화할 수 있나요?\n\n[code]"},
        body={
            "system": "당신은 전문 Python 프로그래밍 튜터입니다",
            "messages": [user("이 코드를 어떻게 최적화할 수 있나요?\n\n[code]")],
        },
    ),
    "system as blocks": Written(
        template="{% system blocks %}당신은 전문 Python 프로그래밍 튜터입니다{% endsystem %}{% user %}안녕{% enduser %}",
        body={
            "system": [{"type": "text", "text": "당신은 전문 Python 프로그래밍 튜터입니다"}],
            "messages": [user("안녕")],
        },
    ),
    "several turns from a column": Written(
        template="{% messages history %}", row={"history": TURNS}, body={"messages": TURNS}
    ),
    "several turns in the template": Written(
        template="".join(
            "{% " + turn["role"] + " %}" + turn["content"] + "{% end" + turn["role"] + " %}\n" for turn in TURNS
        ),
        body={"messages": TURNS},
    ),
    "a prefill": Written(
        template="{% user %}태양의 그리스 이름은? (A) Sol (B) Helios (C) Sun{% enduser %}{% assistant %}정답은 ({% endassistant %}",
        body={"messages": [user("태양의 그리스 이름은? (A) Sol (B) Helios (C) Sun"), assistant("정답은 (")]},
    ),
    "sampling, stop sequences and metadata": Written(
        template="안녕하세요",
        params='max_tokens = 500\ntemperature = 0.2\ntop_k = 5\nstop_sequences = ["\\n\\nHuman:", "\\n\\nAssistant:"]\n'
        'metadata = { user_id = "u-1" }\n',
        body={
            "max_tokens": 500,
            "temperature": 0.2,
            "top_k": 5,
            "stop_sequences": ["\n\nHuman:", "\n\nAssistant:"],
            "metadata": {"user_id": "u-1"},
            "messages": [user("안녕하세요")],
        },
    ),
    "a tool": Written(
        template="{{ x }}",
        row={"x": "테슬라의 주식 가격은 얼마인가요?"},
        params='tools = "tools.json"\ntool_choice = { type = "auto" }\n',
        body={
            "tools": [WEATHER],
            "tool_choice": {"type": "auto"},
            "messages": [user("테슬라의 주식 가격은 얼마인가요?")],
        },
    ),
    "a forced tool": Written(
        template="{{ x }}",
        params='tools = "tools.json"\ntool_choice = { type = "tool", name = "get_weather" }\n',
        body={
            "tools": [WEATHER],
            "tool_choice": {"type": "tool", "name": "get_weather"},
            "messages": [user("-")],
        },
    ),
    "the typed tools": Written(
        template="{{ x }}",
        params='tools = [{ type = "computer_20241022", name = "computer", display_width_px = 1024, display_height_px = 768 }, '
        '{ type = "text_editor_20241022", name = "str_replace_editor" }, { type = "bash_20241022", name = "bash" }]\n',
        body={
            "tools": [
                {"type": "computer_20241022", "name": "computer", "display_width_px": 1024, "display_height_px": 768},
                {"type": "text_editor_20241022", "name": "str_replace_editor"},
                {"type": "bash_20241022", "name": "bash"},
            ],
            "messages": [user("-")],
        },
    ),
    "an image by address": Written(
        template="{% user %}{{ image(photo) }}{{ x }}{% enduser %}",
        row={"photo": IMAGE_URL, "x": "이 이미지를 설명해주세요"},
        body={
            "messages": [
                user(
                    [
                        {"type": "image", "source": {"type": "url", "url": IMAGE_URL}},
                        {"type": "text", "text": "이 이미지를 설명해주세요"},
                    ]
                )
            ]
        },
    ),
    "an image from a file": Written(
        template="{% user %}{{ image(photo) }}{{ x }}{% enduser %}",
        row={"photo": "dot.png", "x": "이 이미지를 분석해주세요"},
        body={
            "messages": [
                user(
                    [
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/png",
                                "data": base64.b64encode(PNG).decode(),
                            },
                        },
                        {"type": "text", "text": "이 이미지를 분석해주세요"},
                    ]
                )
            ]
        },
    ),
    "a tool's result": Written(
        template="{% messages history %}",
        row={
            "history": json.dumps(
                [
                    user("날씨?"),
                    assistant(
                        [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"location": "서울"}}]
                    ),
                    user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "맑음"}]),
                ]
            )
        },
        params='tools = "tools.json"\n',
        body={
            "tools": [WEATHER],
            "messages": [
                user("날씨?"),
                assistant(
                    [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"location": "서울"}}]
                ),
                user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "맑음"}]),
            ],
        },
    ),
    "ofox's example": Written(
        model="ofox/anthropic/claude-sonnet-4.5",
        template="{% system %}당신은 전문 프로그래밍 도우미입니다.{% endsystem %}{% user %}Python으로 퀵 정렬을 구현해 주세요{% enduser %}",
        body={
            "model": "anthropic/claude-sonnet-4.5",
            "system": "당신은 전문 프로그래밍 도우미입니다.",
            "messages": [user("Python으로 퀵 정렬을 구현해 주세요")],
        },
    ),
}

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
SEARCH = {
    "type": "tool_use",
    "id": "toolu_2",
    "name": "get_weather",
    "input": {"location": "Seoul", "unit": "celsius"},
}
OPUS = "anthropic/claude-opus-4-6"
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
THOUGHT = [
    {"type": "thinking", "thinking": "hm", "signature": "sig=="},
    {"type": "redacted_thinking", "data": "opaque"},
    SEARCH,
]


def block(text: str, cache: dict[str, str] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({} if cache is None else {"cache_control": cache})


FEATURE_CASES = {
    "thinking with a budget": Written(
        template="Think.",
        params='max_tokens = 4096\nthinking = { type = "enabled", budget_tokens = 2048 }\n',
        body={
            "max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "messages": [user("Think.")],
        },
    ),
    "adaptive thinking with effort": Written(
        template="Think.",
        model=OPUS,
        params='thinking = { type = "adaptive", display = "summarized" }\noutput_config = { effort = "high" }\n',
        body={
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "high"},
            "messages": [user("Think.")],
        },
    ),
    "thinking switched off": Written(
        template="Go.",
        params='thinking = { type = "disabled" }\n',
        body={"thinking": {"type": "disabled"}, "messages": [user("Go.")]},
    ),
    "a JSON schema for the answer": Written(
        template="Count.",
        params="[models.params.output_config.format]\n"
        'type = "json_schema"\n'
        'schema = { type = "object", properties = { n = { type = "integer" } }, required = ["n"], '
        "additionalProperties = false }\n",
        body={
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            "messages": [user("Count.")],
        },
    ),
    "service tier": Written(
        template="Go.",
        params='service_tier = "standard_only"\n',
        body={"service_tier": "standard_only", "messages": [user("Go.")]},
    ),
    "nucleus sampling": Written(template="Go.", params="top_p = 0.9\n", body={"top_p": 0.9, "messages": [user("Go.")]}),
    "a cached system prompt": Written(
        template="{% system cache %}Manual{% endsystem %}{% user %}Q{% enduser %}",
        body={"system": [block("Manual", EPHEMERAL)], "messages": [user("Q")]},
    ),
    "a system prompt cached for an hour": Written(
        template='{% system cache="1h" %}Manual{% endsystem %}{% user %}Q{% enduser %}',
        body={"system": [block("Manual", HOUR)], "messages": [user("Q")]},
    ),
    "a breakpoint inside a turn": Written(
        template="{% user %}Long context{% cache %}Short question{% enduser %}",
        body={"messages": [user([block("Long context", EPHEMERAL), block("Short question")])]},
    ),
    "automatic caching": Written(
        template="Go.",
        params='cache_control = { type = "ephemeral" }\n',
        body={"cache_control": EPHEMERAL, "messages": [user("Go.")]},
    ),
    "any tool, one at a time": Written(
        template="Go.",
        params='tools = "tools.json"\ntool_choice = { type = "any", disable_parallel_tool_use = true }\n',
        body={
            "tools": [WEATHER],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "messages": [user("Go.")],
        },
    ),
    "no tool": Written(
        template="Go.",
        params='tools = "tools.json"\ntool_choice = { type = "none" }\n',
        body={"tools": [WEATHER], "tool_choice": {"type": "none"}, "messages": [user("Go.")]},
    ),
    "a PDF": Written(
        template='{% user %}{{ document(file, title="T", context="C", citations=true) }}Sum up.{% enduser %}',
        row={"file": "a.pdf"},
        body={
            "messages": [
                user(
                    [
                        {
                            "type": "document",
                            "source": {
                                "type": "base64",
                                "media_type": "application/pdf",
                                "data": base64.b64encode(PDF).decode(),
                            },
                            "title": "T",
                            "context": "C",
                            "citations": {"enabled": True},
                        },
                        block("Sum up."),
                    ]
                )
            ]
        },
    ),
    "a document by address": Written(
        template="{% user %}{{ document(file) }}Sum up.{% enduser %}",
        row={"file": "https://example.com/a.pdf"},
        body={
            "messages": [
                user(
                    [
                        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
                        block("Sum up."),
                    ]
                )
            ]
        },
    ),
    "an image by file id": Written(
        template="{% user %}{{ image(photo) }}What?{% enduser %}",
        row={"photo": "file_011CNha8iCJcU1wXNR6q4V8w"},
        model=OPUS,
        body={
            "messages": [
                user(
                    [
                        {"type": "image", "source": {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}},
                        block("What?"),
                    ]
                )
            ]
        },
    ),
    "thoughts passed back with a failed tool": Written(
        template="{% messages history %}",
        row={
            "history": json.dumps(
                [
                    user("Weather?"),
                    assistant(THOUGHT),
                    user(
                        [
                            {
                                "type": "tool_result",
                                "tool_use_id": "toolu_2",
                                "content": [block("no network")],
                                "is_error": True,
                            }
                        ]
                    ),
                ]
            )
        },
        params='max_tokens = 4096\ntools = "tools.json"\nthinking = { type = "enabled", budget_tokens = 1024 }\n',
        body={
            "max_tokens": 4096,
            "tools": [WEATHER],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "messages": [
                user("Weather?"),
                assistant(THOUGHT),
                user(
                    [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": [block("no network")],
                            "is_error": True,
                        }
                    ]
                ),
            ],
        },
    ),
    "few-shot examples": Written(
        template="{% for shot in shots %}{% user %}{{ shot.q }}{% enduser %}"
        "{% assistant %}{{ shot.a }}{% endassistant %}{% endfor %}{% user %}{{ x }}{% enduser %}",
        row={"shots": [{"q": "1+1", "a": "2"}, {"q": "2+2", "a": "4"}], "x": "3+3"},
        body={"messages": [user("1+1"), assistant("2"), user("2+2"), assistant("4"), user("3+3")]},
    ),
    "a stream": Written(template="Go.", params="stream = true\n", body={"stream": True, "messages": [user("Go.")]}),
    "beta features": Written(
        template="Go.",
        params='beta = ["context-management-2025-06-27", "interleaved-thinking-2025-05-14"]\n',
        body={"messages": [user("Go.")]},
        beta=("context-management-2025-06-27", "interleaved-thinking-2025-05-14"),
    ),
}
CASES = SEED_CASES | FEATURE_CASES


def leaving(case: Written, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the evaluation into `folder` and take what would be sent: body and headers, the key apart."""
    (folder / "dot.png").write_bytes(PNG)
    (folder / "a.pdf").write_bytes(PDF)
    (folder / "tools.json").write_text(json.dumps([WEATHER]))
    text = isinstance(case.row.get("history"), str)
    (folder / "p.jinja").write_text(case.template.replace("history", "history | fromjson") if text else case.template)
    (folder / "row.jsonl").write_text(json.dumps(case.row) + "\n")
    (folder / "eval.toml").write_text(
        'name = "seed"\n[dataset]\npath = "row.jsonl"\n[[prompts]]\nname = "p"\ntemplate = "p.jinja"\n'
        f'[[models]]\nname = "m"\nid = "{case.model}"\n[models.params]\n{case.params}'
    )
    prepared = prepare(folder, Overrides())
    lane = prepared.plan.lanes[0]
    request = prepared.plan.sample_requests(lane, 1)[0]
    wire = wire_format(lane.provider.protocol)
    body = json.loads(wire.encode(request, lane.model.model, lane.provider))
    return body, wire.headers(lane.provider, lane.model.beta)
