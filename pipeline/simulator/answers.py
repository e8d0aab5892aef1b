"""The answer book: a table of questions and their answers, found inside whatever text a prompt makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import DataError

_ANCHOR_LENGTHS = (24, 12, 6, 3, 2, 1)
_MOST_LABELS = 30
_MOST_ALTERNATIVES = 1_000
_CALCULATION = re.compile(r"<<[^<>]*>>")
_FINAL_MARK = "####"
_NUMERIC = re.compile(r"[-+$]?\d[\d,]*(\.\d+)?%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One question with what is known of its answer."""

    question: str
    answer: str
    """The true answer; with a replaying book the first recorded text."""
    reasoning: str = ""
    """The worked solution, where the table has one (`... #### 42`)."""
    recorded: tuple[str, ...] = ()
    """Whole answers to return word for word; empty unless the book replays."""


class AnswerBook:
    """Questions by their text, and by model where the table has a model column."""

    def __init__(self, rows: Iterable[tuple[str, str, str | None]], *, source: str, replay: bool = False) -> None:
        """Index (question, answer, model) rows; `source` names the table in messages.

        Raises DataError when a question has two different answers (a replaying book takes them in turn).
        """
        self.replay = replay
        self._entries: dict[str, dict[str | None, Entry]] = {}
        answers: dict[str, int] = {}
        for number, (question, answer, model) in enumerate(rows, start=1):
            entry = self._add(question.strip(), answer, model, place=f"{source}: row {number}")
            answers[entry.answer] = answers.get(entry.answer, 0) + 1
        if not self._entries:
            raise DataError(f"{source}: the answer table has no rows; give a table with at least one question")
        self.models = frozenset(model for known in self._entries.values() for model in known if model is not None)
        self.labels = () if replay else _labels(answers)
        """All answers in the table, where they are few: class names, option letters."""
        self.alternatives = tuple(answers)[:_MOST_ALTERNATIVES]
        self._anchors = _anchors(self._entries)

    @classmethod
    def from_table(
        cls,
        path: Path,
        *,
        question_column: str,
        answer_column: str,
        model_column: str | None = None,
        replay: bool = False,
    ) -> AnswerBook:
        """Read a .parquet, .csv or .jsonl table (DataError for anything amiss).

        With `model_column`, a row answers only for the model it names. With `replay`, the answer column holds
        whole answers; without, true answers, of which `... #### 42` counts as 42 with a worked solution.
        """
        columns = [question_column, answer_column, *([model_column] if model_column else [])]
        from pipeline.simulator.answer_table import read_answers

        return cls(read_answers(path, columns), source=str(path), replay=replay)

    def __len__(self) -> int:
        """The number of different questions."""
        return len(self._entries)

    def find(self, prompt_text: str, model: str) -> Entry | None:
        """Find the question that `prompt_text` asks: of those inside the text the last, and there the longest."""
        whole = self._entries.get(prompt_text.strip())
        if whole is not None:
            return _for_model(whole, model)
        best: tuple[int, int] = (-1, 0)
        found: Entry | None = None
        for start, lengths in self._starts(prompt_text):
            for length in lengths:
                entry = self._at(prompt_text, start, length, model)
                if entry is None:
                    continue
                if (start + length, length) > best:
                    best, found = (start + length, length), entry
                break
        return found

    def _starts(self, text: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        for size, anchors in self._anchors:
            places = [place for place in range(len(text) - size + 1) if text[place : place + size] in anchors]
            for place in places:
                yield place, anchors[text[place : place + size]]

    def _at(self, text: str, start: int, length: int, model: str) -> Entry | None:
        end = start + length
        if end > len(text):
            return None
        known = self._entries.get(text[start:end])
        if known is None or _inside_word(text, start) or _inside_word(text, end):
            return None
        return _for_model(known, model)

    def _add(self, question: str, answer: str, model: str | None, *, place: str) -> Entry:
        if not question:
            raise DataError(f"{place} has no question; fill the cell or drop the row")
        known = self._entries.setdefault(question, {})
        earlier = known.get(model)
        if self.replay:
            recorded = (*earlier.recorded, answer) if earlier else (answer,)
            entry = Entry(question=question, answer=recorded[0], recorded=recorded)
        else:
            entry = _true_entry(question, answer, place)
            if earlier is not None and earlier.answer != entry.answer:
                raise DataError(
                    f"{place} answers {entry.answer!r}, an earlier row {earlier.answer!r}, both to {question[:80]!r}; "
                    "make the question column tell the rows apart, or name a model column"
                )
        known[model] = entry
        return entry


def _true_entry(question: str, answer: str, place: str) -> Entry:
    worked, mark, final = answer.rpartition(_FINAL_MARK)
    text = final.strip() if mark else answer.strip()
    if not text:
        raise DataError(f"{place} has no answer; fill the cell or drop the row")
    return Entry(question=question, answer=text, reasoning=_CALCULATION.sub("", worked).strip() if mark else "")


def _for_model(known: dict[str | None, Entry], model: str) -> Entry | None:
    return known.get(model) or known.get(None)


def _inside_word(text: str, position: int) -> bool:
    """Whether the position splits an ASCII word or number; particles glued to Hangul words do not count."""
    if position in (0, len(text)):
        return False
    before, after = text[position - 1], text[position]
    return before.isascii() and after.isascii() and before.isalnum() and after.isalnum()


def _labels(answers: dict[str, int]) -> tuple[str, ...]:
    if not 2 <= len(answers) <= _MOST_LABELS:
        return ()
    numeric = all(_NUMERIC.fullmatch(answer) for answer in answers)
    if numeric and sum(answers.values()) < 4 * len(answers):
        return ()
    return tuple(sorted(answers))


def _anchors(questions: Iterable[str]) -> list[tuple[int, dict[str, tuple[int, ...]]]]:
    """Map each question's first characters to the lengths that questions so beginning have, longest first.

    A request then costs one look-up per position of its text and one per length where a question may begin,
    however many questions there are.
    """
    by_size: dict[int, dict[str, set[int]]] = {}
    for question in questions:
        size = next(size for size in _ANCHOR_LENGTHS if size <= len(question))
        by_size.setdefault(size, {}).setdefault(question[:size], set()).add(len(question))
    return [
        (size, {anchor: tuple(sorted(lengths, reverse=True)) for anchor, lengths in anchors.items()})
        for size, anchors in by_size.items()
    ]
