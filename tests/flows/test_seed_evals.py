"""Every request that the gateways' documents show can be written as an evaluation, and leaves as they show it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

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

CASES = {
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


@pytest.mark.parametrize("name", CASES)
def test_a_documented_request_can_be_written_as_an_evaluation(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "dot.png").write_bytes(PNG)
    (tmp_path / "tools.json").write_text(json.dumps([WEATHER]))
    template = (
        case.template.replace("history", "history | fromjson")
        if isinstance(case.row.get("history"), str)
        else case.template
    )
    (tmp_path / "p.jinja").write_text(template)
    (tmp_path / "row.jsonl").write_text(json.dumps(case.row) + "\n")
    (tmp_path / "eval.toml").write_text(
        'name = "seed"\n[dataset]\npath = "row.jsonl"\n[[prompts]]\nname = "p"\ntemplate = "p.jinja"\n'
        f'[[models]]\nname = "m"\nid = "{case.model}"\n[models.params]\n{case.params}'
    )
    prepared = prepare(tmp_path, Overrides())
    lane = prepared.plan.lanes[0]
    request = prepared.plan.sample_requests(lane, 1)[0]
    body = json.loads(wire_format(lane.provider.protocol).encode(request, lane.model.model, lane.provider))
    body = {key: value for key, value in body.items() if key != "stream"}
    assert body == {"model": lane.model.model, "max_tokens": 1024, **case.body}
