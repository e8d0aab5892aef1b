"""Spend is summed by any dimension; unknown stays unknown, and real and invented money stay apart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipeline.cost.spending import NO_TAG, Group, Ledger, Spend, grouped, total, week
from tests.support.costs import entry, found, ledger


def costs(groups: list[Group]) -> dict[tuple[str, ...], str]:
    return {group.key: str(group.spend.cost_usd) for group in groups}


def test_a_sum_of_nothing_known_is_unknown_and_never_zero() -> None:
    assert total([]).cost_usd is None
    assert total([entry(None), entry(None)]).cost_usd is None
    assert total([entry(None), entry("0.000000000001")]).cost_usd == Decimal("0.000000000001")
    assert total([entry("1"), entry("2")]) == Spend(jobs=2, cost_usd=Decimal(3))


def test_time_goes_forward_and_all_else_from_the_dearest_down() -> None:
    entries = [
        entry("1", day=date(2026, 11, 23)), entry("5", day=date(2026, 11, 22), model="haiku"),
        entry("2", day=date(2026, 11, 22)), entry(None, model="unknown"),
    ]  # fmt: skip
    assert list(costs(grouped(entries, ["day"]))) == [("2026-11-22",), ("2026-11-23",)]
    assert [group.key[0].rpartition("/")[2] for group in grouped(entries, ["model"])] == [
        "haiku", "claude-sonnet-4-5-20250929", "unknown",
    ]  # fmt: skip


def test_what_belongs_together_stays_together() -> None:
    entries = [entry(cost, run=run, prompt=prompt) for run, prompt, cost in
               (("a", "x", "1"), ("b", "x", "3"), ("a", "y", "4"), ("b", "y", "1"))]  # fmt: skip
    assert costs(grouped(entries, ["run", "prompt"])) == {
        ("a", "y"): "4", ("a", "x"): "1", ("b", "x"): "3", ("b", "y"): "1",
    }  # fmt: skip
    assert [group.key for group in grouped(entries, ["run", "prompt"])] == [
        ("a", "y"), ("a", "x"), ("b", "x"), ("b", "y"),
    ]  # fmt: skip


def test_a_run_with_two_tags_counts_under_both_and_one_without_under_none() -> None:
    entries = [entry("1", tags=("thesis", "lab")), entry("2", tags=("lab",)), entry("4")]
    assert costs(grouped(entries, ["tag"])) == {(NO_TAG,): "4", ("lab",): "3", ("thesis",): "1"}


def test_two_models_of_one_name_are_two_and_one_model_of_two_names_is_one() -> None:
    entries = [entry("1", name="a"), entry("2", name="b"), entry("4", name="a", provider="ofox")]
    assert sorted(costs(grouped(entries, ["model"])).values()) == ["3", "4"]


def test_judges_are_named() -> None:
    entries = [entry("1"), entry("2", judge="rubric", prompt="internal")]
    assert costs(grouped(entries, ["judge"])) == {("judge rubric",): "2", ("answers",): "1"}
    assert costs(grouped(entries, ["prompt"])) == {("judge rubric",): "2", ("steps",): "1"}


def test_weeks_are_those_of_iso() -> None:
    assert [week(date(*day)) for day in ((2026, 1, 1), (2027, 1, 3), (2024, 12, 30))] == [
        "2026-W01", "2026-W53", "2025-W01",
    ]  # fmt: skip
    entries = [entry("1", day=date(2026, 12, 31)), entry("2", day=date(2027, 1, 1))]
    assert costs(grouped(entries, ["week"])) == {("2026-W53",): "3"}
    assert costs(grouped(entries, ["month"])) == {("2026-12",): "1", ("2027-01",): "2"}


def test_both_ends_of_a_period_are_included() -> None:
    days = [date(2026, 11, day) for day in (1, 2, 3)]
    whole = ledger(*(entry("1", run=f"r{day.day}", day=day) for day in days))
    assert total(whole.during(days[1], days[2]).entries).cost_usd == 2
    assert total(whole.during(None, days[0]).entries).cost_usd == 1
    assert whole.during(None, None).entries == whole.entries


def test_invented_money_is_never_among_the_real() -> None:
    mixed = Ledger(
        folder="reports",
        runs=(found("real"), found("mixed"), found("sim", simulated=True)),
        entries=(
            entry("1", run="real"), entry("2", run="mixed"),
            entry("4", run="mixed", provider="simulator", simulated=True),
            entry("8", run="sim", provider="simulator", simulated=True),
        ),
    )  # fmt: skip
    real, invented = mixed.only(simulated=False), mixed.only(simulated=True)
    assert (total(real.entries).cost_usd, [run.run for run in real.runs]) == (3, ["real", "mixed"])
    assert (total(invented.entries).cost_usd, [run.run for run in invented.runs]) == (12, ["mixed", "sim"])
