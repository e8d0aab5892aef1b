"""The simulated judge: seeded, as accurate and as biased as it is told to be."""

from __future__ import annotations

import pytest

from pipeline.simulator.answers import AnswerBook
from pipeline.simulator.asking import Asked
from pipeline.simulator.catalog import load
from pipeline.simulator.judging import Manners, asks_for_verdict, verdict

LABEL = {"properties": {"reason": {}, "label": {"enum": ["correct", "incorrect"]}, "id": {}}}
SCORE = {"properties": {"reason": {}, "score": {"enum": [1, 2, 3, 4, 5]}, "id": {}}}
WINNER = {"properties": {"reason": {}, "winner": {"enum": ["a", "b", "tie"]}, "id": {}}}
EXACT = Manners(accuracy=1.0)


def asked(**pieces: str) -> Asked:
    text = "\n".join(
        f"<{tag.replace('_', '-')}-0a1b2c3d>\n{inner}\n</{tag.replace('_', '-')}-0a1b2c3d>"
        for tag, inner in pieces.items()
    )
    return Asked(
        card=load().by_id["sim-large"], model_id="sim-large", key="k", user_text=text, input_tokens=9, max_tokens=99
    )


def test_it_knows_a_verdict_when_it_is_asked_for_one() -> None:
    assert [asks_for_verdict(schema) for schema in (LABEL, SCORE, WINNER)] == ["label", "score", "winner"]
    assert asks_for_verdict({"properties": {"label": {}, "reason": {}}}) is None
    assert asks_for_verdict(None) is None


def test_it_compares_with_the_reference_and_brings_back_the_id() -> None:
    right = verdict(asked(reference="42", candidate="It is 42."), LABEL, None, EXACT, seed=0)
    wrong = verdict(asked(reference="42", candidate="It is 421."), LABEL, None, EXACT, seed=0)
    assert right is not None
    assert wrong is not None
    assert (right["label"], right["id"]) == ("correct", "0a1b2c3d")
    assert wrong["label"] == "incorrect"


def test_it_knows_what_the_answer_book_knows() -> None:
    book = AnswerBook([("Six times seven?", "42", None)], source="test")
    good = verdict(asked(task="Six times seven?", candidate="42"), SCORE, book, EXACT, seed=0)
    bad = verdict(asked(task="Six times seven?", candidate="43"), SCORE, book, EXACT, seed=0)
    assert good is not None
    assert bad is not None
    assert good["score"] >= 4
    assert bad["score"] <= 2


@pytest.mark.parametrize("accuracy", [0.0, 0.7, 0.95])
def test_its_accuracy_is_that_of_its_manners(accuracy: float) -> None:
    manners = Manners(accuracy=accuracy)
    found = [verdict(asked(reference="7", candidate=f"{n}: 7"), LABEL, None, manners, seed=1) for n in range(400)]
    share = sum(one is not None and one["label"] == "correct" for one in found) / 400
    assert share == pytest.approx(accuracy, abs=0.05)


def test_its_bias_is_for_the_first_place() -> None:
    def winners(bias: float) -> list[tuple[str, str]]:
        manners = Manners(accuracy=1.0, position_bias=bias)
        found = []
        for n in range(300):
            one, other = f"answer {n}", f"other answer {n}"
            both = [asked(candidate_a=one, candidate_b=other), asked(candidate_a=other, candidate_b=one)]
            said = [verdict(each, WINNER, None, manners, seed=2) for each in both]
            found.append(tuple(each["winner"] for each in said if each is not None))
        return found

    fair = winners(0.0)
    assert all({"a": "b", "b": "a", "tie": "tie"}[one] == other for one, other in fair)
    share = sum(pair == ("a", "a") for pair in winners(0.4)) / 300
    assert share == pytest.approx(0.4 * 0.4 + 2 * 0.4 * 0.6 * 0.5, abs=0.1)
