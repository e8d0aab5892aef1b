"""The templates of the documentation, rendered for a row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.template import Rendered, compile_template
from tests.support.media import Links

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "writing-evaluations.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```jinja\n(.*?)```", TEXT, flags=re.DOTALL)
HISTORY = json.loads(re.findall(r"```json\n(.*?)```", TEXT, flags=re.DOTALL)[0])
WORDS = ["country", "question", "style", "review", "report", "company", "year"]
WORDS += ["article", "photo", "long_manual", "chapter"]


def render(source: str) -> Rendered:
    history = json.dumps(HISTORY) if "fromjson" in source else HISTORY
    row: dict[str, Any] = {**{word: f"<{word}>" for word in WORDS}, "history": history}
    return compile_template(source, path="docs").render(row, Links())


def example(words: str) -> Rendered:
    (source,) = [source for source in EXAMPLES if words in source]
    return render(source)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_of_the_documentation_makes_a_request(number: int) -> None:
    assert render(EXAMPLES[number]).messages


def test_there_is_an_example_for_every_kind_of_block() -> None:
    rendered = [render(source) for source in EXAMPLES]
    contents = [message["content"] for one in rendered for message in one.messages] + [one.system for one in rendered]
    kinds = {block["type"] for content in contents if isinstance(content, list | tuple) for block in content}
    assert kinds == {"text", "image", "document", "tool_use", "tool_result", "thinking"}


def test_the_examples_before_a_question_alternate() -> None:
    rendered = example("for shot in examples")
    assert [message["content"] for message in rendered.messages] == [
        "Arrived broken.",
        "negative",
        "Works as it should.",
        "positive",
        "<review>",
    ]


def test_the_blocks_of_a_system_prompt_keep_their_order() -> None:
    system = example("{% system blocks %}").system
    assert system == (
        {"type": "text", "text": "You are a careful tutor."},
        {"type": "text", "text": "Write in this style: <style>"},
    )


def test_the_cached_prefix_ends_before_the_question() -> None:
    content = example("{% cache %}").messages[0]["content"]
    assert content == [
        {"type": "text", "text": "<chapter>", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "<question>"},
    ]


def test_the_documents_stand_before_the_question_with_their_titles() -> None:
    content = example("document(report").messages[0]["content"]
    assert [(block["type"], block.get("title")) for block in content] == [
        ("document", "<company>"),
        ("document", "News"),
        ("text", None),
    ]
