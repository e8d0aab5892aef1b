"""What a forecast makes of samples, output limits, caching and earlier runs that are not the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pipeline.stats.predict import total
from pipeline.steps.planning.forecast import forecast, history_of, survey_jobs
from pipeline.steps.planning.look import look
from tests.support.planned import drawn, plan, run_in_simulated_time, setting, write_shape

SHAPE = replace(
    drawn(1), rows=120, earlier_rows=30, models=("sim-small",), templates=("{{ question }}",), repeats=1, limits=""
)


def earlier_run(evaluation: Path, reports: Path, name: str = "20260101-000000-0000") -> None:
    (reports / "planned").mkdir(parents=True, exist_ok=True)
    run_in_simulated_time(setting(evaluation, reports, limit=SHAPE.earlier_rows).prepared, reports / "planned" / name)


def changed(evaluation: Path, old: str, new: str) -> None:
    file = evaluation / "eval.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_random_part_of_the_rows_stands_for_all(tmp_path: Path) -> None:
    made = setting(write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports")
    every, some = look(made.prepared, (), None), look(made.prepared, (), None, most_jobs=40)
    (whole,), (part,) = every.parts, some.parts
    assert (every.is_sample, some.is_sample, some.looked_at) == (False, True, 40)
    assert every.open_jobs(whole).low == every.open_jobs(whole).high == 120
    exact, scaled = every.open_tokens(whole).likely, some.open_tokens(part)
    assert exact is not None
    assert scaled.low < exact < scaled.high
    assert look(made.prepared, (), None, most_jobs=40).parts[0].tokens == part.tokens, "the seed draws the same rows"


def test_a_plan_from_a_part_of_the_rows_is_wider_and_holds_the_whole(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    earlier_run(evaluation, reports)
    made = setting(evaluation, reports)
    found, _ = survey_jobs(made, most_jobs=40)
    guessed, exact = forecast(made, found, history_of(made)), plan(made)
    ours, theirs = guessed.models["sim-small"].input, exact.models["sim-small"].input
    assert ours is not None
    assert theirs is not None
    assert ours.high - ours.low > theirs.high - theirs.low
    assert ours.low < (theirs.likely or 0) < ours.high
    assert guessed.models["sim-small"].reused.low < 30 < guessed.models["sim-small"].reused.high
    assert guessed.looked_at == 40


def test_no_answer_is_longer_than_the_limit_that_holds_now(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    earlier_run(evaluation, reports)
    before = plan(setting(evaluation, reports)).models["sim-small"].output
    changed(evaluation, "max_tokens = 400", "max_tokens = 2")
    after = plan(setting(evaluation, reports)).models["sim-small"]
    assert before is not None
    assert after.output is not None
    assert (before.likely or 0) / 90 > 2
    assert after.output.high <= 2 * 120


def test_answers_that_a_lower_limit_cut_may_be_longer_now(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    changed(evaluation, "max_tokens = 400", "max_tokens = 2")
    earlier_run(evaluation, reports)
    changed(evaluation, "max_tokens = 2", "max_tokens = 400")
    made = setting(evaluation, reports)
    output = plan(made).models["sim-small"].output
    took = run_in_simulated_time(made.prepared, tmp_path / "truth")
    assert output is not None
    assert output.low <= took.output <= output.high


def test_another_model_or_prompt_is_named_and_makes_the_interval_wider(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    earlier_run(evaluation, reports)
    (evaluation / "p0.jinja").write_text("Say the number: {{ question }}")
    other_prompt = plan(setting(evaluation, reports)).models["sim-small"]
    assert any("30 answers of another prompt in run 20260101-000000-0000" in words for words in other_prompt.basis)
    changed(evaluation, "simulator/sim-small", "simulator/sim-large")
    other_model = plan(setting(evaluation, reports)).models["sim-small"]
    assert any("answers of another model" in words for words in other_model.basis)
    narrow, wide = other_prompt.output, other_model.output
    assert narrow is not None
    assert wide is not None
    assert wide.high > narrow.high > (narrow.likely or 0)
    assert other_model.seconds.high is None, "the time of another model says nothing"


def test_caching_that_was_never_seen_costs_between_all_read_and_all_written(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    plain = plan(setting(evaluation, reports)).usd
    changed(evaluation, "max_tokens = 400", 'max_tokens = 400\ncache_control = { type = "ephemeral" }')
    cached = plan(setting(evaluation, reports)).usd
    assert plain is not None
    assert cached is not None
    assert cached.likely is None
    assert cached.low < plain.low
    assert cached.high > plain.high


def test_money_is_exact(tmp_path: Path) -> None:
    evaluation, reports = write_shape(tmp_path / "eval", SHAPE), tmp_path / "reports"
    earlier_run(evaluation, reports)
    found = plan(setting(evaluation, reports))
    one = found.models["sim-small"]
    assert one.input is not None
    assert one.output is not None
    spent = round(one.input.likely or 0) * Decimal("0.25") + round(one.output.likely or 0) * Decimal("1.25")
    assert found.usd is not None
    assert found.usd.likely == spent.scaleb(-6)
    assert total([one.jobs, one.reused]).likely == 120
