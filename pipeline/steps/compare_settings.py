"""What two runs were told differently: templates, models, scorers, dataset; each as a sentence with its detail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from difflib import unified_diff
from itertools import islice
from typing import Any

from pipeline.config.describe import describe_statistics
from pipeline.core.template import compile_text
from pipeline.steps.compare_jobs import RunHead
from pipeline.steps.compare_match import CellPair

_DETAIL_LINES = 60
_NOT_COMPARED = {"name", "folder", "recorded"}


def differing_settings(a: RunHead, b: RunHead, pairs: Sequence[CellPair]) -> list[dict[str, Any]]:
    """One entry `{kind, text, detail}` for each difference that can change a figure; `detail` has lines, or none."""
    return [
        *_differing_prompts(a, b, pairs),
        *_differing_models(a, b, pairs),
        *_differing_scorers(a, b),
        *_differing_rest(a, b),
    ]


def answer_columns(head: RunHead) -> set[str]:
    """Dataset columns that hold recorded answers: what is compared, and not what was asked."""
    recorded = [model.get("recorded") or {} for model in head.run["settings"]["models"]]
    templates = [text for fields in recorded for text in fields.values() if isinstance(text, str)]
    return {name for text in templates for name in compile_text(text, path="run.json").columns}


def _differing_prompts(a: RunHead, b: RunHead, pairs: Sequence[CellPair]) -> Iterator[dict[str, Any]]:
    ours, theirs = _by_name(a, "prompts"), _by_name(b, "prompts")
    for left, right in dict.fromkeys((pair.a[1], pair.b[1]) for pair in pairs):
        one, other = ours[left]["source"], theirs[right]["source"]
        if one != other:
            lines = unified_diff(one.splitlines(), other.splitlines(), "A", "B", lineterm="", n=1)
            yield _entry(
                "template", f"{_both('prompt', left, right)}: the templates differ", islice(lines, _DETAIL_LINES)
            )


def _differing_models(a: RunHead, b: RunHead, pairs: Sequence[CellPair]) -> Iterator[dict[str, Any]]:
    """Models that differ in the same way are told together."""
    ours, theirs = _by_name(a, "models"), _by_name(b, "models")
    alike: dict[str, list[str]] = {}
    for left, right in dict.fromkeys((pair.a[0], pair.b[0]) for pair in pairs):
        one, other = _model(ours[left]), _model(theirs[right])
        if one != other:
            alike.setdefault(_changes(one, other), []).append(_both("model", left, right))
    for changes, names in alike.items():
        yield _entry("model", f"{', '.join(names)}: {changes}")


def _differing_scorers(a: RunHead, b: RunHead) -> Iterator[dict[str, Any]]:
    ours, theirs = _by_name(a, "scorers"), _by_name(b, "scorers")
    for name in a.metrics:
        if name not in b.metrics:
            continue
        one = {**_flat(ours.get(name, {})), **_flat(asdict(a.metrics[name]))}
        other = {**_flat(theirs.get(name, {})), **_flat(asdict(b.metrics[name]))}
        if one != other:
            yield _entry("scorer", f"scorer {name!r}: {_changes(one, other)}; its figures may not mean the same")
    for letter, mine, its in (("A", a, b), ("B", b, a)):
        alone = [name for name in mine.metrics if name not in its.metrics]
        if alone:
            yield _entry("scorer", f"only run {letter} is scored by {', '.join(map(repr, alone))}")


def _differing_rest(a: RunHead, b: RunHead) -> Iterator[dict[str, Any]]:
    one, other = a.run["settings"], b.run["settings"]
    if one.get("repeats") != other.get("repeats"):
        text = f"repeats: {one.get('repeats')} in A, {other.get('repeats')} in B; rows are compared by their means"
        yield _entry("repeats", text)
    ways = [describe_statistics(head.judged.statistics) for head in (a, b)]
    if ways[0] != ways[1]:
        yield _entry("statistics", f"[statistics]: {_changes(*map(_flat, ways))}; those of the last run are used")
    if a.run["simulated"] != b.run["simulated"]:
        yield _entry("simulated", f"only run {'A' if a.run['simulated'] else 'B'} is simulated")


def _by_name(head: RunHead, kind: str) -> dict[str, Mapping[str, Any]]:
    return {entry["name"]: entry for entry in head.run["settings"][kind]}


def _model(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a model's answers, key by key."""
    identity = entry.get("identity") or {}
    address = {f"address {key}": value for key, value in _flat(identity.get("address")).items()}
    known = {"id": f"{entry['provider']}/{entry['model']}", "protocol": identity.get("protocol"), **address}
    return {**known, **_flat(entry.get("params") or {})}


def _flat(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {} if value is None else {"": value}
    return {
        (f"{key} {inner}" if inner else key): found
        for key, item in value.items()
        if key not in _NOT_COMPARED
        for inner, found in (_flat(item).items() if isinstance(item, Mapping) else [("", item)])
    }


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    keys = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
    return ", ".join(f"{key} {_text(one.get(key))} in A, {_text(other.get(key))} in B".strip() for key in keys)


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _both(noun: str, left: str, right: str) -> str:
    return f"{noun} {left!r}" if left == right else f"{noun} {left!r} of A and {right!r} of B"


def _entry(kind: str, text: str, detail: Iterator[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "text": text, "detail": list(detail or ())}
