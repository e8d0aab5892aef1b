"""Verdicts are read strictly: nothing is mended, and what is out of range is no score."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from pipeline.providers.output_schema import schema_objections
from pipeline.score.judge_form import Form, Reading

SCALE = Form(scale=(1.0, 5.0))
SHARE = Form(scale=(0.0, 0.5))
LABELS = Form(labels={"correct": 1.0, "partly": 0.5, "incorrect": 0.0})
PAIR = Form()
FORMS = {"scale": SCALE, "share": SHARE, "labels": LABELS, "pair": PAIR}


def said(form: Form, verdict: Any, **more: Any) -> str:
    return json.dumps({"reason": "because", form.key: verdict, "id": "abc"} | more)


@pytest.mark.parametrize(
    ("form", "verdict", "label", "value"),
    [
        (SCALE, 4, "4", 4.0),
        (SCALE, 5.0, "5", 5.0),
        (SHARE, 0.25, "0.25", 0.25),
        (LABELS, "partly", "partly", 0.5),
        (PAIR, "tie", "tie", None),
    ],
)
def test_a_verdict_in_its_form_is_read(form: Form, verdict: Any, label: str, value: float | None) -> None:
    reading = form.read(said(form, verdict), "abc")
    assert reading == Reading(label, value, "because")
    jsonschema_rs.validator_for(form.schema()).validate(json.loads(said(form, verdict)))


@pytest.mark.parametrize(
    ("form", "verdict"),
    [
        *((SCALE, bad) for bad in (0, 6, 10, -1, 4.5, "4", True, None, [4], 1e400, {"score": 4})),
        (SHARE, 0.51),
        *((LABELS, bad) for bad in ("Correct", "right", "", None, 1)),
        *((PAIR, bad) for bad in ("A", "c", "both", None)),
    ],
)
def test_a_score_out_of_range_or_an_unknown_label_is_an_error_and_never_clamped(form: Form, verdict: Any) -> None:
    reading = form.read(said(form, verdict), "abc")
    assert reading.value is None
    assert reading.label is None
    assert reading.problem


@pytest.mark.parametrize(
    "text",
    [
        "4",
        "Score: 4",
        "",
        "[]",
        said(SCALE, 4) + " and that is all",
        said(SCALE, 4, more=1),
        json.dumps({"reason": "because", "score": 4}),
        said(SCALE, 4, id="abd"),
        said(SCALE, 4, id=None),
        said(SCALE, 4, reason=None),
        f"{said(SCALE, 4)}\n{said(SCALE, 5)}",
        '{"reason": "because", "score": 1, "score": 4, "id": "abc"}',
    ],
)
def test_anything_else_is_no_verdict(text: str) -> None:
    assert SCALE.read(text, "abc").problem


def test_a_fence_around_the_whole_verdict_does_no_harm() -> None:
    assert SCALE.read(f"```json\n{said(SCALE, 4)}\n```", "abc").value == 4.0
    assert SCALE.read(f"Here:\n```json\n{said(SCALE, 4)}\n```", "abc").problem


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_providers_take_the_schema(form: Form) -> None:
    assert list(schema_objections(form.schema())) == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_the_instruction_names_every_key_and_the_nonce(form: Form) -> None:
    words = form.instruction("abc")
    assert all(f'"{key}"' in words for key in form.schema()["required"])
    assert 'the text "abc"' in words


def test_free_text_is_read_by_its_last_match() -> None:
    pattern = re.compile(r"Score: ([\d.]+)")
    assert SCALE.read_text(pattern, "Score: 1? No. Score: 4").value == 4.0
    assert SCALE.read_text(pattern, "Score: 9").problem
    assert SCALE.read_text(pattern, "no idea").problem
    assert PAIR.read_text(re.compile(r"Output \((a|b)\)"), "Output (a) is short, Output (b) is better").label == "b"
    assert LABELS.read_text(re.compile(r"\w+$"), "I say: CORRECT").label == "correct"
