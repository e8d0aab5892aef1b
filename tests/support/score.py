"""Scorers built in one line."""

from __future__ import annotations

from typing import Any

from pipeline.core.records import Answer
from pipeline.core.settings import ScorerSettings
from pipeline.score.scorers import Scorer, build_scorer


def scorer(
    kind: str,
    *,
    expected: str | None = "{{ answer }}",
    pattern: str | None = None,
    function: str | None = None,
    folder: str = ".",
    **options: Any,
) -> Scorer:
    return build_scorer(
        ScorerSettings(
            kind=kind,
            name=f"my {kind}",
            expected=expected,
            pattern=pattern,
            function=function,
            options=options,
            folder=folder,
        )
    )


def said(text: str) -> Answer:
    """An answer of text alone."""
    return Answer(text=text)


def called(*calls: tuple[str, Any]) -> Answer:
    """An answer that calls tools, each by name and input."""
    return Answer(
        text="",
        tool_calls=tuple({"id": f"toolu_{n}", "name": name, "input": given} for n, (name, given) in enumerate(calls)),
    )
