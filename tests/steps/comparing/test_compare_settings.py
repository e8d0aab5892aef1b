"""What two runs were told differently is listed once, with its detail, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.steps.comparing.jobs import RunHead
from pipeline.steps.comparing.match import CellPair
from pipeline.steps.comparing.settings import answer_columns, differing_settings
from pipeline.steps.score import Judged

CELL = ("m", "p", "{}")
SAME = [CellPair(a=CELL, b=CELL, how="same")]


def model(name: str = "m", **changes: Any) -> dict[str, Any]:
    identity = {"protocol": "anthropic-messages", "address": {"base_url": "https://a.example"}}
    return {"name": name, "provider": "a", "model": "x", "params": {"max_tokens": 64}, "identity": identity, **changes}


def head(
    *,
    metrics: tuple[Metric, ...] | None = None,
    simulated: bool = False,
    scored: tuple[dict[str, Any], ...] = (),
    **settings: Any,
) -> RunHead:
    scorer = {"name": "exact", "kind": "exact", "expected": "{{ answer }}", "folder": "/anywhere"}
    told = {
        "prompts": [{"name": "p", "source": "Hello {{ x }}\nBye"}], "models": [model()], "scorers": [scorer],
        "repeats": 1, **settings,
    }  # fmt: skip
    judged = Judged(
        scorers=metrics or (Metric(name="exact", kind="exact", pass_fail=True),),
        gates=(),
        statistics=StatisticsSettings(),
        budget_usd=None,
        settings=scored,
    )
    return RunHead(
        folder=Path("run"), run={"settings": told, "simulated": simulated}, summary={}, judged=judged, parts=()
    )


def found(a: RunHead, b: RunHead) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["text"]) for entry in differing_settings(a, b, SAME)]


def test_equal_runs_differ_in_nothing_even_in_another_folder() -> None:
    other = head(scorers=[{"name": "exact", "kind": "exact", "expected": "{{ answer }}", "folder": "/elsewhere"}])
    assert found(head(), other) == []


def test_a_template_is_shown_line_by_line() -> None:
    changed = head(prompts=[{"name": "p", "source": "Hi {{ x }}\nBye"}])
    entry = differing_settings(head(), changed, SAME)[0]
    assert (entry["kind"], entry["text"]) == ("template", "prompt 'p': the templates differ")
    assert entry["detail"][2:] == ["@@ -1,2 +1,2 @@", "-Hello {{ x }}", "+Hi {{ x }}", " Bye"]


def test_a_model_is_told_by_what_decides_its_answers() -> None:
    changed = head(models=[model(model="y", params={"max_tokens": 64, "temperature": 0.5})])
    assert found(head(), changed) == [("model", "model 'm': id a/x in A, a/y in B, temperature not set in A, 0.5 in B")]


def test_models_that_differ_alike_are_told_together() -> None:
    a, b = head(models=[model(), model("n")]), head(models=[model(model="y"), model("n", model="y")])
    pairs = [*SAME, CellPair(a=("n", "p", "{}"), b=("n", "p", "{}"), how="same")]
    assert [entry["text"] for entry in differing_settings(a, b, pairs)] == [
        "model 'm', model 'n': id a/x in A, a/y in B"
    ]


def test_a_scorer_with_another_reference_or_policy_is_named() -> None:
    changed = head(scorers=[{"name": "exact", "kind": "exact", "expected": "{{ other }}"}])
    assert "scorer 'exact': expected {{ answer }} in A, {{ other }} in B" in found(head(), changed)[0][1]
    lenient = head(metrics=(Metric(name="exact", kind="exact", pass_fail=True, counts={"refused": "left_out"}),))
    assert "counts refused not set in A, left_out in B" in found(head(), lenient)[0][1]


def test_a_scorer_is_as_of_the_last_scoring() -> None:
    again = head(scored=({"name": "exact", "kind": "exact", "expected": "{{ answer }}", "ignore_case": True},))
    assert found(head(), again) == [
        ("scorer", "scorer 'exact': ignore_case not set in A, true in B; its figures may not mean the same")
    ]


def judged_by(template: str, judge: dict[str, Any], **settings: Any) -> RunHead:
    """A run as it was scored in the end, whatever run.json says of its beginning."""
    settings = {"name": "exact", "kind": "judge", "place": "eval.toml:3", **settings}
    note = {"scorers": [{"settings": settings, "template": template}], "judges": [judge]}
    return replace(head(judges=[model("j")]), judges=note)


def test_what_judges_were_asked_in_the_end_is_told() -> None:
    first = judged_by("Is it right?", model("j"), expected="{{ a }}")
    assert found(first, replace(first)) == []
    entries = differing_settings(first, judged_by("Is it nice?", model("j"), expected="{{ a }}"), SAME)
    assert [(entry["kind"], entry["text"]) for entry in entries] == [
        ("judge", "scorer 'exact': the rubrics differ; their verdicts may not mean the same")
    ]
    assert entries[0]["detail"][-2:] == ["-Is it right?", "+Is it nice?"]
    assert found(first, judged_by("Is it right?", model("k"), expected="{{ b }}")) == [
        ("scorer", "scorer 'exact': expected {{ a }} in A, {{ b }} in B; its figures may not mean the same"),
        (
            "judge",
            "judges: j id a/x in A, not set in B, j protocol anthropic-messages in A, not set in B, "
            "j address base_url https://a.example in A, not set in B, j max_tokens 64 in A, not set in B, "
            "k id not set in A, a/x in B, k protocol not set in A, anthropic-messages in B, "
            "k address base_url not set in A, https://a.example in B, k max_tokens not set in A, 64 in B; "
            "their verdicts may not mean the same",
        ),
    ]


def test_another_judge_is_told() -> None:
    assert found(head(judges=[model("j")]), head(judges=[model("j", model="y")])) == [
        ("judge", "judges: j id a/x in A, a/y in B; their verdicts may not mean the same")
    ]


def test_what_an_older_run_did_not_note_is_no_difference() -> None:
    assert found(head(metrics=(Metric(name="exact", pass_fail=True),)), head()) == []


def test_the_second_run_is_called_by_its_letter() -> None:
    changed = head(models=[model(model="y")], repeats=2)
    texts = [entry["text"] for entry in differing_settings(head(), changed, SAME, "C")]
    assert texts == [
        "model 'm': id a/x in A, a/y in C",
        "repeats: 1 in A, 2 in C; rows are compared by their means",
    ]


def test_metrics_of_one_run_alone_repeats_and_simulation_are_told() -> None:
    more = (Metric(name="exact", kind="exact", pass_fail=True), Metric(name="f1", kind="f1", pass_fail=False))
    assert found(head(), head(metrics=more, repeats=3, simulated=True)) == [
        ("scorer", "only run B is scored by 'f1'"),
        ("repeats", "repeats: 1 in A, 3 in B; rows are compared by their means"),
        ("simulated", "only run B is simulated"),
    ]


def test_columns_of_recorded_answers_are_no_content() -> None:
    recorded = {"answer": "{{ row['m a'].text }}", "stop_reason": "{{ why }}", "latency_ms": None}
    assert answer_columns(head(models=[model(recorded=recorded), model("n", recorded=None)])) == {"m a", "why"}
