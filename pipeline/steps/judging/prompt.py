"""A judge's prompt: the rubric rendered over a row, with the answers to judge between unguessable tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import DataError, TemplateError
from pipeline.core.records import Message, Request
from pipeline.core.template import Rendered, Template, TextTemplate, compile_template, compile_text
from pipeline.score.judge import Judge
from pipeline.score.judge_wrap import nonce_of, wrapped
from pipeline.steps.conversation import Markers, content_text

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is put before a judge, not yet wrapped."""

    row: Row
    prompt: str
    """Name of the prompt that was answered."""
    targets: tuple[str, ...]
    """Job ids of the answers."""
    texts: tuple[str, ...]
    """What they say."""


class JudgePrompt:
    """Makes the prompts of one scorer; one rendering at a time."""

    def __init__(self, judge: Judge, run: Mapping[str, Any], seed: int) -> None:
        """Compile the rubric and the run's own prompts, which are the tasks; raises TemplateError."""
        self._judge = judge
        self._seed = seed
        self._rubric = compile_template(judge.template, path=judge.path)
        self._tasks = {
            prompt["name"]: compile_template(prompt["source"], path=prompt["path"])
            for prompt in run["settings"]["prompts"]
        }
        self._given = given_templates(judge)

    def render(self, shown: Shown, params: Mapping[str, Any]) -> tuple[Request, str]:
        """The request, and its nonce. Raises TemplateError or DataError where the row does not fit."""
        form = self._judge.form
        tags = ("candidate",) if len(shown.texts) == 1 else ("candidate-a", "candidate-b")
        task = task_text(self._tasks[shown.prompt].render(shown.row, Markers()))
        given = {name: self._reference(name, template, shown.row) for name, template in self._given.items()}
        nonce = nonce_of(self._seed, shown.targets, [task, *given.values(), *shown.texts])
        material = {"task": task, **given, **dict(zip(tags, shown.texts, strict=True))}
        record = {
            **shown.row,
            **{tag.replace("-", "_"): wrapped(tag, text, nonce) for tag, text in material.items()},
            "labels": list(form.labels),
            "low": "" if not form.labels and form.scale is None else f"{form.lowest:g}",
            "high": "" if not form.labels and form.scale is None else f"{form.highest:g}",
            "own_labels": self._judge.own_labels,
        }
        rendered = self._rubric.render(record, Markers())
        instruction = "" if self._judge.pattern is not None else form.instruction(nonce)
        if not any(message["role"] == "user" for message in rendered.messages):
            raise TemplateError(
                "a rubric needs a user turn, which ends in the request for the verdict", path=self._judge.path
            )
        messages = with_instruction(rendered.messages, instruction)
        return Request(messages=messages, system=rendered.system, params=params), nonce

    def _reference(self, name: str, template: TextTemplate, row: Row) -> str:
        text = template.render(row)
        if not text.strip():
            raise DataError(f"the row's {name} is empty, so its answers cannot be judged")
        return text


def given_templates(judge: Judge) -> dict[str, TextTemplate]:
    """What a judge is given beside the answer, by its name in the rubric."""
    given = {"reference": judge.expected, "context": judge.context}
    return {name: compile_text(source, path=judge.path) for name, source in given.items() if source is not None}


def rubric_template(judge: Judge) -> Template:
    """The rubric, compiled; raises TemplateError."""
    return compile_template(judge.template, path=judge.path)


def task_text(rendered: Rendered) -> str:
    """What a model was asked, as one text; turns are named where there are several."""
    turns = [] if not rendered.system else [("system", content_text(rendered.system))]
    turns += [(message["role"], content_text(message["content"])) for message in rendered.messages]
    if len(turns) == 1:
        return turns[0][1]
    return "\n\n".join(f"[{role}]\n{text}" for role, text in turns)


def with_instruction(messages: tuple[Message, ...], instruction: str) -> tuple[Message, ...]:
    """The messages, the last of the user's with the instruction at its end."""
    if not instruction:
        return messages
    last = max(index for index, message in enumerate(messages) if message["role"] == "user")
    content = messages[last]["content"]
    more = (
        f"{content}\n\n{instruction}" if isinstance(content, str) else [*content, {"type": "text", "text": instruction}]
    )
    return (*messages[:last], {**messages[last], "content": more}, *messages[last + 1 :])
