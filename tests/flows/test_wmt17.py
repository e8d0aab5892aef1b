"""WMT17 with recorded translations: the corpus figures and p values of sacrebleu, in the summary of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import evalmill

pytestmark = pytest.mark.slow

SYSTEMS = {
    "LIUM": "newstest2017.LIUM-NMT.4900.en-de",
    "KIT": "newstest2017.KIT.4950.en-de",
    "SYSTRAN": "newstest2017.SYSTRAN.4847.en-de",
}
SACREBLEU_HALF_WIDTHS = {"LIUM": 0.63, "KIT": 0.67, "SYSTRAN": 0.63}
"""What `corpus_score(..., n_bootstrap=1000)` of sacrebleu 2.6 says of their 95 % intervals."""
TOKENIZE_NONE = 0
"""The column of expected scores that was made with BLEU over the tokens as they are."""


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["sacrebleu_wmt17"]
    return known


@pytest.fixture(scope="module")
def summary(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("wmt17")
    data = shared / "datasets/wmt17/wmt17_en_de_systems.parquet"
    models = "".join(
        f'[[models]]\nname = "{name}"\nid = "recorded/{name}"\nanswer = "{{{{ row[\'{column}\'] }}}}"\n'
        for name, column in SYSTEMS.items()
    )
    (folder / "plain.jinja").write_text("Translate.")
    (folder / "eval.toml").write_text(
        f'name = "wmt17"\n[dataset]\npath = "{data}"\n[[prompts]]\nname = "plain"\ntemplate = "plain.jinja"\n{models}'
        '[[scorers]]\nkind = "bleu"\nexpected = "{{ ref }}"\ntokenize = "none"\n[statistics]\nseed = 12345\n'
    )
    done = evalmill("run", folder, "--out", folder / "run", "--json", timeout=300)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json["summary"]
    return found


def test_a_cells_bleu_is_that_of_its_corpus(summary: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (summary["metrics"]["bleu"]["corpus"], summary["metrics"]["bleu"]["scale"]) == ("bleu", "number")
    for cell in summary["cells"]:
        figures = cell["metrics"]["bleu"]
        known = expected["scores"][SYSTEMS[cell["model"]]][TOKENIZE_NONE]
        assert figures["mean"] == pytest.approx(known, abs=1e-4)
        assert (figures["n"], figures["interval"]) == (3004, "percentile")
        low, high = figures["ci95"]
        assert (high - low) / 2 == pytest.approx(SACREBLEU_HALF_WIDTHS[cell["model"]], abs=0.04)
        assert low < known < high


def test_systems_are_compared_by_the_paired_bootstrap(summary: dict[str, Any], expected: dict[str, Any]) -> None:
    pairs = {(pair["a"]["model"], pair["b"]["model"]): pair for pair in summary["comparisons"]}
    assert {pair["test"] for pair in pairs.values()} == {"paired_bootstrap"}
    scores = expected["scores"]
    for name, p in expected["paired_bootstrap_p_moses_vs_LIUM"].items():
        if name not in SYSTEMS:
            continue
        pair = pairs["LIUM", name]
        assert pair["p_sacrebleu"] == pytest.approx(p, abs=0.01)
        known = scores[SYSTEMS[name]][TOKENIZE_NONE] - scores[SYSTEMS["LIUM"]][TOKENIZE_NONE]
        assert pair["difference"] == pytest.approx(known, abs=2e-4)
        assert pair["p"] >= pair["p_sacrebleu"], "the p that is adjusted and read is two-sided"
        assert (pair["ci95"][0] < 0 < pair["ci95"][1]) == (pair["p"] > 0.05)
