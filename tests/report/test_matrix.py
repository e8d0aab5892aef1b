"""Models by prompts, cells against cells, and where models disagree: the right figure in the right place."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from pipeline.report.matrix import Matrix, matrix, samples_of
from pipeline.report.pair_grid import PairEntry, disagreements, pair_grids
from tests.support.report import METRIC, make_cell, make_comparison, make_summary

MEANS = {("a", "p"): 0.9, ("a", "q"): 0.7, ("b", "p"): 0.8, ("b", "q"): 0.6}


def cells(means: dict[tuple[str, str], float | None]) -> list[dict[str, Any]]:
    return [make_cell(model, prompt, mean) for (model, prompt), mean in means.items()]


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def drawn(means: dict[tuple[str, str], float | None], **changes: Any) -> Matrix:
    found = matrix(make_summary(cells(means), [], **changes), METRIC)
    assert found is not None
    return found


def measured(**changes: Any) -> dict[str, Any]:
    return {"metrics": {METRIC: {"pass_fail": True, "scale": "share", "better": "higher", **changes}}}


def test_a_cell_stands_where_its_model_and_its_prompt_meet() -> None:
    found = drawn({name: MEANS[name] for name in (("b", "q"), ("a", "p"), ("b", "p"), ("a", "q"))})
    assert found.heads == ("q", "p")
    assert [(model, [plain(entry.text) for entry in entries]) for model, entries, _ in found.rows] == [
        ("b", ["60.0 %", "80.0 %"]), ("a", ["70.0 %", "90.0 %"]),
    ]  # fmt: skip
    assert plain(found.rows[1][1][1].interval) == "85.1–93.4 %"


def test_margins_are_the_means_of_their_cells() -> None:
    found = drawn(dict(MEANS))
    assert [plain(mean) for _, _, mean in found.rows] == ["80.0 %", "70.0 %"]
    assert tuple(map(plain, found.means)) == ("85.0 %", "65.0 %", "75.0 %")
    assert "200 answers were scored in each" in found.words


def test_a_margin_with_a_missing_cell_is_not_known() -> None:
    without = {name: mean for name, mean in MEANS.items() if name != ("b", "q")}
    for means in (without, {**MEANS, ("b", "q"): None}):
        found = drawn(means)
        assert found.rows[1][1][1].text == "–"
        assert found.rows[1][1][1].link == ""
        assert [plain(mean) for _, _, mean in found.rows] == ["80.0 %", "–"]
        assert tuple(map(plain, found.means)) == ("85.0 %", "–", "–")


@pytest.mark.parametrize(
    ("better", "tints", "best"),
    [("higher", [3, 1, 2, 0], "90.0 %"), ("lower", [0, 2, 1, 3], "60.0 %"), ("neither", [3, 1, 2, 0], None)],
)
def test_the_best_is_marked_and_shaded_most(better: str, tints: list[int], best: str | None) -> None:
    entries = [entry for _, row, _ in drawn(dict(MEANS), **measured(better=better)).rows for entry in row]
    assert [entry.tint for entry in entries] == tints
    assert [plain(entry.text) for entry in entries if entry.best] == ([] if best is None else [best])


def test_small_differences_look_small() -> None:
    close: dict[tuple[str, str], float | None] = {name: 0.9 + mean / 100 for name, mean in MEANS.items()}
    assert {entry.tint for _, row, _ in drawn(close).rows for entry in row} == {0}
    same = drawn(dict.fromkeys(MEANS, 0.5))
    assert not any(entry.best or entry.tint for _, row, _ in same.rows for entry in row)


def test_one_model_or_one_prompt_makes_no_matrix_nor_do_hundreds() -> None:
    for keep in ("a", "p"):
        few = {name: mean for name, mean in MEANS.items() if keep in name}
        assert matrix(make_summary(cells(dict(few)), []), METRIC) is None
    many: dict[tuple[str, str], float | None] = {(f"m{n}", p): 0.5 for n in range(101) for p in "pq"}
    assert matrix(make_summary(cells(many), []), METRIC) is None


def test_the_address_of_a_cells_samples_reads_back_as_its_filters() -> None:
    cell = {"model": "a&b=c #1\u202e", "prompt": "한국어 50%", "params": {"temperature": 0.4}}
    assert parse_qs(samples_of(cell, METRIC), strict_parsing=True) == {
        "model": ["a&b=c #1⟨U+202E⟩"], "prompt": ["한국어 50%"], "params": ["temperature 0.4"], "scorer": [METRIC],
    }  # fmt: skip


PAIRS = [
    make_comparison(("a", "p"), ("b", "p"), -0.1, gained=8, lost=28),
    make_comparison(("a", "p"), ("a", "q"), -0.2),
    make_comparison(("b", "p"), ("b", "q"), -0.02, p_adjusted=0.4),
]


def entries(summary: dict[str, Any]) -> dict[tuple[str, str], PairEntry]:
    (grid,) = pair_grids(summary)
    names = [plain(name) for name, _ in grid.rows]
    assert [plain(head) for head in grid.heads] == names
    return {
        (name, other): entry
        for name, (_, row) in zip(names, grid.rows, strict=True)
        for other, entry in zip(names, row, strict=True)
    }


def test_each_pair_is_seen_from_both_sides() -> None:
    found = entries(make_summary(cells(dict(MEANS)), PAIRS))
    seen = found["a · p", "b · p"]
    assert (seen.verdict, seen.difference, seen.interval, plain(seen.p)) == (
        "better",
        "+10.0",
        "+6.0 to +14.0",
        "p = 0.010",
    )
    seen = found["b · p", "a · p"]
    assert (seen.verdict, seen.difference, seen.interval, plain(seen.p)) == (
        "worse",
        "−10.0",
        "−14.0 to −6.0",
        "p = 0.010",
    )
    assert (found["b · q", "b · p"].verdict, found["b · q", "b · p"].tone) == ("cannot tell", "unclear")
    assert found["a · p", "a · p"].itself
    assert found["a · q", "b · q"] == PairEntry()


def test_too_few_and_too_many_cells_have_no_grid() -> None:
    assert pair_grids(make_summary(cells(dict(MEANS)), PAIRS[:1])) == []
    many = {(f"m{n}", "p"): 0.5 for n in range(13)}
    pairs = [make_comparison(("m0", "p"), (f"m{n}", "p"), 0.1) for n in range(1, 13)]
    assert pair_grids(make_summary(cells(dict(many)), pairs)) == []
    assert len(pair_grids(make_summary(cells(dict(many)), pairs[:-1]))) == 1


def test_disagreement_is_the_share_of_rows_that_one_model_alone_gets_right() -> None:
    summary = make_summary(cells(dict(MEANS)), PAIRS)
    assert [plain(told) for told in disagreements(summary)] == [
        "By number, a and b differ under p on 18.0 % of 200 rows."
    ]
    never = [{**pair, "gained": 0, "lost": 0} for pair in PAIRS]
    assert disagreements(make_summary(cells(dict(MEANS)), never)) == ["By number, no two models differ on any row."]
    graded = make_summary(cells(dict(MEANS)), PAIRS, **measured(pass_fail=False))
    assert disagreements(graded) == []


def test_of_many_pairs_the_extremes_are_told() -> None:
    many = {(f"m{n}", "p"): 0.5 for n in range(6)}
    pairs = [make_comparison(("m0", "p"), (f"m{n}", "p"), 0.1, gained=10 * n, lost=0) for n in range(1, 6)]
    (told,) = disagreements(make_summary(cells(dict(many)), pairs))
    assert plain(told) == (
        "By number, of 5 pairs of models, m0 and m5 differ on 25.0 % of 200 rows, the most, "
        "and m0 and m1 differ on 5.0 % of 200 rows, the least."
    )
