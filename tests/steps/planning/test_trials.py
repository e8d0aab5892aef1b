"""A plan after a small run holds what a larger one takes: the real engine over the simulator, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.stats.predict import total
from tests.support.planned import Shape, Truth, drawn, plan, run_in_simulated_time, setting, write_shape

ENOUGH = 0.9
QUANTITIES = ("input tokens", "output tokens", "dollars", "seconds")


def trial(shape: Shape, folder: Path, *, earlier: bool = True) -> dict[str, bool]:
    """Plan the whole after a run of the first rows, then run the rest; says which intervals hold the truth."""
    evaluation, reports = write_shape(folder / "eval", shape), folder / "reports"
    (reports / "planned").mkdir(parents=True)
    if earlier:
        small = setting(evaluation, reports, limit=shape.earlier_rows)
        run_in_simulated_time(small.prepared, reports / "planned" / "20260101-000000-0000")
    whole = setting(evaluation, reports)
    expected = plan(whole)
    done = frozenset(f"r{number}" for number in range(shape.earlier_rows)) if earlier else frozenset()
    took: Truth = run_in_simulated_time(whole.prepared, folder / "truth", skip=done)
    models = expected.models.values()
    jobs = total(one.jobs for one in models)
    assert jobs.low <= took.jobs <= jobs.high
    input_tokens, output_tokens = (
        total(one.input for one in models if one.input),
        total(one.output for one in models if one.output),
    )
    usd, seconds = expected.usd, expected.seconds
    assert usd is not None
    return {
        "input tokens": input_tokens.low <= took.input <= input_tokens.high,
        "output tokens": output_tokens.low <= took.output <= output_tokens.high,
        "dollars": usd.low <= took.usd <= usd.high,
        "seconds": seconds.low <= took.seconds and (seconds.high is None or took.seconds <= seconds.high),
    }


def coverage(trials: list[dict[str, bool]]) -> dict[str, float]:
    return {name: sum(one[name] for one in trials) / len(trials) for name in QUANTITIES}


@pytest.mark.slow
def test_intervals_hold_the_truth_in_90_of_100_trials(tmp_path: Path) -> None:
    found = coverage([trial(drawn(seed), tmp_path / str(seed)) for seed in range(100)])
    assert all(share >= ENOUGH for share in found.values()), f"observed coverage: {found}"


def test_intervals_hold_the_truth_of_some_small_runs(tmp_path: Path) -> None:
    found = coverage([trial(drawn(seed, most_rows=90), tmp_path / str(seed)) for seed in range(200, 206)])
    assert all(share >= 0.8 for share in found.values()), f"observed coverage: {found}"


def test_without_an_earlier_run_the_intervals_are_wide_and_the_time_is_open(tmp_path: Path) -> None:
    found = coverage([
        trial(replace(drawn(seed, most_rows=80), repeats=1), tmp_path / str(seed), earlier=False)
        for seed in range(300, 304)
    ])  # fmt: skip
    assert found == dict.fromkeys(QUANTITIES, 1.0)
