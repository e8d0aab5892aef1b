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
from pipeline.steps.comparing.jobs import RunHead
from pipeline.steps.comparing.match import CellPair

_DETAIL_LINES = 60
_NOT_COMPARED = {"name", "folder", "place", "recorded"}


def differing_settings(a: RunHead, b: RunHead, pairs: Sequence[CellPair], letter: str = "B") -> list[dict[str, Any]]:
    """One entry `{kind, text, detail}` for each difference that can change a figure; `detail` has lines, or none.

    The first run is called A, the second by its `letter`.
    """
    found = _Differing(a, b, letter)
    return [*found.prompts(pairs), *found.models(pairs), *found.scorers(), *found.rubrics(), *found.rest()]


def answer_columns(head: RunHead) -> set[str]:
    """Dataset columns that hold recorded answers: what is compared, and not what was asked."""
    recorded = [model.get("recorded") or {} for model in head.run["settings"]["models"]]
    templates = [text for fields in recorded for text in fields.values() if isinstance(text, str)]
    return {name for text in templates for name in compile_text(text, path="run.json").columns}


class _Differing:
    def __init__(self, a: RunHead, b: RunHead, letter: str) -> None:
        self.a = a
        self.b = b
        self.letter = letter

    def prompts(self, pairs: Sequence[CellPair]) -> Iterator[dict[str, Any]]:
        ours, theirs = _by_name(self.a, "prompts"), _by_name(self.b, "prompts")
        for left, right in dict.fromkeys((pair.a[1], pair.b[1]) for pair in pairs):
            one, other = ours[left]["source"].splitlines(), theirs[right]["source"].splitlines()
            if ours[left]["source"] != theirs[right]["source"]:
                lines = unified_diff(one, other, "A", self.letter, lineterm="", n=1)
                text = f"{self._both('prompt', left, right)}: the templates differ"
                yield _entry("template", text, islice(lines, _DETAIL_LINES))

    def models(self, pairs: Sequence[CellPair]) -> Iterator[dict[str, Any]]:
        """Models that differ in the same way are told together."""
        ours, theirs = _by_name(self.a, "models"), _by_name(self.b, "models")
        alike: dict[str, list[str]] = {}
        for left, right in dict.fromkeys((pair.a[0], pair.b[0]) for pair in pairs):
            one, other = _model(ours[left]), _model(theirs[right])
            if one != other:
                alike.setdefault(self._changes(one, other), []).append(self._both("model", left, right))
        for changes, names in alike.items():
            yield _entry("model", f"{', '.join(names)}: {changes}")

    def scorers(self) -> Iterator[dict[str, Any]]:
        ours, theirs = _scorers(self.a), _scorers(self.b)
        for name in [name for name in self.a.metrics if name in self.b.metrics]:
            known = all(head.metrics[name].kind for head in (self.a, self.b))
            one, other = (
                {**_flat(told.get(name, {})), **(_flat(asdict(head.metrics[name])) if known else {})}
                for told, head in ((ours, self.a), (theirs, self.b))
            )
            if one != other:
                yield _entry(
                    "scorer", f"scorer {name!r}: {self._changes(one, other)}; its figures may not mean the same"
                )
        for letter, mine, its in (("A", self.a, self.b), (self.letter, self.b, self.a)):
            alone = [name for name in mine.metrics if name not in its.metrics]
            if alone:
                yield _entry("scorer", f"only run {letter} is scored by {', '.join(map(repr, alone))}")

    def rubrics(self) -> Iterator[dict[str, Any]]:
        """What judges were asked, line by line."""
        ours, theirs = (
            {told["settings"]["name"]: told["template"].splitlines() for told in head.judges.get("scorers", ())}
            for head in (self.a, self.b)
        )
        for name in [name for name in ours if name in theirs and ours[name] != theirs[name]]:
            lines = unified_diff(ours[name], theirs[name], "A", self.letter, lineterm="", n=1)
            text = f"scorer {name!r}: the rubrics differ; their verdicts may not mean the same"
            yield _entry("judge", text, islice(lines, _DETAIL_LINES))

    def rest(self) -> Iterator[dict[str, Any]]:
        heads = (self.a, self.b)
        repeats = [head.run["settings"].get("repeats") for head in heads]
        if repeats[0] != repeats[1]:
            text = f"repeats: {repeats[0]} in A, {repeats[1]} in {self.letter}; rows are compared by their means"
            yield _entry("repeats", text)
        judges = [{name: _model(entry) for name, entry in _by_name(head, "judges").items()} for head in heads]
        if judges[0] != judges[1]:
            yield _entry("judge", f"judges: {self._changes(*map(_flat, judges))}; their verdicts may not mean the same")
        one, other = (_flat(describe_statistics(head.judged.statistics)) for head in heads)
        if one != other:
            yield _entry("statistics", f"[statistics]: {self._changes(one, other)}; those of the last run are used")
        if self.a.run["simulated"] != self.b.run["simulated"]:
            yield _entry("simulated", f"only run {'A' if self.a.run['simulated'] else self.letter} is simulated")

    def _changes(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
        keys = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
        return ", ".join(
            f"{key} {_text(one.get(key))} in A, {_text(other.get(key))} in {self.letter}".strip() for key in keys
        )

    def _both(self, noun: str, left: str, right: str) -> str:
        return f"{noun} {left!r}" if left == right else f"{noun} {left!r} of A and {right!r} of {self.letter}"


def _by_name(head: RunHead, kind: str) -> dict[str, Mapping[str, Any]]:
    """The entries of run.json; what judges were asked may have changed since, and stands in their own note."""
    told = {entry["name"]: entry for entry in head.run["settings"].get(kind, ())}
    if kind == "judges" and head.judges:
        return {entry["name"]: entry for entry in head.judges["judges"]}
    if kind == "scorers":
        told.update({entry["settings"]["name"]: entry["settings"] for entry in head.judges.get("scorers", ())})
    return told


def _scorers(head: RunHead) -> dict[str, Mapping[str, Any]]:
    """As of the last scoring, which may be other than when the run began."""
    return {entry["name"]: entry for entry in head.judged.settings} or _by_name(head, "scorers")


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


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _entry(kind: str, text: str, detail: Iterator[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "text": text, "detail": list(detail or ())}
