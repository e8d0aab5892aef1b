"""The samples on a page: which are chosen, in which order, and how much fits."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from pipeline.report.embed import pack
from pipeline.report.payload import as_payload, decided, outcome
from pipeline.report.samples import Candidates, pick_samples
from pipeline.report.view import Sample, Turn
from tests.support.report import make_sample, make_score, unpacked


@dataclass(frozen=True, slots=True)
class Candidate:
    job_id: str
    status: str
    worst: bool | float | None
    model: str
    prompt: str


def candidate(
    number: int, *, status: str = "ok", worst: bool | float | None = True, model: str = "m", prompt: str = "p"
) -> Candidate:
    return Candidate(f"j{number:05d}", status, worst, model, prompt)


def picked(rows: Sequence[Candidate], limit: int, *, batch_rows: int = 300) -> list[str]:
    return pick_samples((batch(rows[n : n + batch_rows]) for n in range(0, len(rows), batch_rows)), limit)


def batch(rows: Sequence[Candidate]) -> Candidates:
    return Candidates(
        job_id=pa.array([row.job_id for row in rows]),
        status=pa.array([row.status for row in rows]),
        model=pa.array([row.model for row in rows]),
        prompt=pa.array([row.prompt for row in rows]),
        worst=np.array([np.nan if row.worst is None else float(row.worst) for row in rows]),
        passed=np.array([row.worst is True for row in rows]),
    )


def test_failures_come_first() -> None:
    rows = [
        candidate(1),
        candidate(2, worst=None),
        candidate(3, worst=False),
        candidate(4, status="error", worst=None),
        candidate(5, worst=0.4),
        candidate(6, status="skipped", worst=None),
    ]
    assert picked(rows, 10) == ["j00004", "j00006", "j00003", "j00005", "j00002", "j00001"]


def test_models_and_prompts_take_turns() -> None:
    rows = [candidate(n, worst=False, model="a") for n in range(90)]
    rows += [
        candidate(100 + n, worst=False, model="b", prompt=prompt) for n, prompt in enumerate(["p"] * 5 + ["q"] * 5)
    ]
    chosen = picked(rows, 15)
    models = Counter((row.model, row.prompt) for row in rows if row.job_id in chosen)
    assert models == {("a", "p"): 5, ("b", "p"): 5, ("b", "q"): 5}


def test_one_outage_does_not_hide_the_answers() -> None:
    rows = [candidate(n, status="error", worst=None) for n in range(500)]
    rows += [candidate(500 + n, worst=False) for n in range(500)] + [candidate(1000 + n) for n in range(3)]
    chosen = picked(rows, 100)
    groups = Counter("error" if job < "j00500" else "wrong" if job < "j01000" else "right" for job in chosen)
    assert groups == {"error": 87, "wrong": 10, "right": 3}


def test_the_choice_does_not_depend_on_the_order_of_the_rows() -> None:
    rng = random.Random(3)
    rows = [candidate(n, worst=rng.choice([True, False, None, 0.3]), model=rng.choice("abc")) for n in range(5_000)]
    chosen = picked(rows, 50)
    shuffled = rows[:]
    rng.shuffle(shuffled)
    assert picked(shuffled, 50) == chosen
    assert picked(rows, 50, batch_rows=5_000) == chosen
    assert len(set(chosen)) == 50


@pytest.mark.parametrize("limit", [0, 1, 2, 7])
def test_a_limit_is_kept(limit: int) -> None:
    rows = [candidate(n, worst=n % 2 == 0) for n in range(40)]
    assert len(picked(rows, limit)) == limit


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (make_sample(), "wrong"),
        (make_sample(status="error", scores=()), "failed"),
        (make_sample(scores=()), "unscored"),
        (make_sample(scores=(make_score(passed=True, value=1.0),)), "right"),
        (make_sample(scores=(make_score(passed=True, value=1.0), make_score())), "wrong"),
        (make_sample(scores=(make_score(passed=None, value=0.4),)), "graded"),
        (make_sample(scores=(make_score(passed=None, value=None, status="unscored"),)), "unscored"),
    ],
)
def test_a_sample_is_sorted_by_its_worst_score(sample: Sample, expected: str) -> None:
    assert outcome(sample) == expected


RIGHT, WRONG = make_score(passed=True, value=1.0), make_score()
BARE = make_score(extracted=None, expected=None)
GRADE, LOW_GRADE = make_score(passed=None, value=0.9), make_score(passed=None, value=0.2)
UNSCORED = make_score(passed=None, value=None, status="unscored")


@pytest.mark.parametrize(
    ("sample", "place"),
    [
        (make_sample(scores=(RIGHT, WRONG)), 1),
        (make_sample(scores=(GRADE, RIGHT, BARE, WRONG)), 3),
        (make_sample(scores=(RIGHT, BARE)), 1),
        (make_sample(scores=(GRADE, RIGHT)), 1),
        (make_sample(scores=(GRADE, LOW_GRADE)), 1),
        (make_sample(scores=(UNSCORED,)), 0),
        (make_sample(scores=()), None),
        (make_sample(status="error", scores=()), None),
    ],
)
def test_the_shown_pair_is_that_of_the_scorer_that_decided(sample: Sample, place: int | None) -> None:
    assert decided(sample) == place
    assert as_payload(sample)["decided"] == place


def test_unknown_figures_stay_unknown() -> None:
    payload = as_payload(make_sample(input_tokens=None, output_tokens=None, cost_usd=None, latency_ms=None))
    assert [payload[name] for name in ("cost", "latency")] == ["–"] * 2
    assert [payload[name] for name in ("input", "output", "usd", "ms")] == [None] * 4


def test_packed_samples_are_the_samples() -> None:
    samples = [make_sample(job_id=str(n), turns=(Turn(role="user", text=f"asked {n % 3} " * 9),)) for n in range(500)]
    packed = pack(samples)
    assert packed.samples == 500
    assert unpacked(packed.data) == [as_payload(sample) for sample in samples]


def test_what_is_packed_is_visible() -> None:
    hostile = make_sample(answer="\x1b[2J\u202e", turns=(Turn(role="user", text="\ud800" * 50),))
    [entry] = unpacked(pack([hostile]).data)
    assert entry["answer"]["text"] == "␛[2J⟨U+202E⟩"
    assert entry["turns"][0]["text"] == "⟨U+D800⟩" * 50


def test_a_prompt_that_several_models_were_asked_is_packed_once() -> None:
    prompts = [random.Random(n).randbytes(2_000).hex() for n in range(100)]
    once = pack([make_sample(turns=(Turn(role="user", text=text),)) for text in prompts])
    samples = [make_sample(model=model, turns=(Turn(role="user", text=text),)) for model in "abcd" for text in prompts]
    assert len(pack(samples).data) < 1.2 * len(once.data)


@pytest.mark.parametrize(("limit", "unpacked_bytes"), [(200_000, 10**9), (10**9, 400_000)])
def test_fewer_samples_are_packed_where_they_are_large_and_none_is_read_in_vain(
    limit: int, unpacked_bytes: int
) -> None:
    read = 0

    def samples() -> Iterator[Sample]:
        nonlocal read
        for number in range(500):
            read += 1
            yield make_sample(job_id=str(number), answer=random.Random(number).randbytes(5_000).hex())

    packed = pack(samples(), limit, unpacked_bytes)
    assert 0 < packed.samples < 100
    assert read - packed.samples < 10
    assert len(packed.data) <= limit
    assert [entry["job"] for entry in unpacked(packed.data)] == [str(n) for n in range(packed.samples)]


def test_nothing_is_packed_of_no_samples_and_of_one_that_is_too_large() -> None:
    assert pack([]).data == ""
    assert pack([make_sample(answer=random.Random(1).randbytes(9_000).hex())], 1_000).samples == 0


def test_a_long_answer_is_cut_with_a_count() -> None:
    assert as_payload(make_sample(answer="x" * 20_007))["answer"] == {"text": "x" * 20_000, "more": 7}
    cut_before = make_sample(answer="x" * 20_000, left_out={"answer": 30})
    assert as_payload(cut_before)["answer"] == {"text": "x" * 20_000, "more": 30}
