"""`[statistics]`: read with its places, checked against models and scorers, and no part of a run's identity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config.describe import describe, identity
from pipeline.config.load import Overrides, load_eval
from pipeline.core.errors import SettingsError
from pipeline.core.settings import EquivalenceSettings, StatisticsSettings
from tests.support.evals import EVAL, write_eval

TWO_MODELS = EVAL + '\n[[models]]\nname = "large"\nid = "simulator/sim-large"\n'
STATISTICS = """
[run]
repeats = 5

[statistics]
cluster = "passage"
correction = "CR0"
interval = "bca"
test = "permutation"
adjust = "benjamini_hochberg"
resamples = 2000
seed = 7
slices = ["subject", "level", "subject"]
macro = "subject"
k = [5, 1]

[[statistics.equivalence]]
a = "small"
b = "large"
margin = 0.02
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    statistics = load_eval(write_eval(tmp_path, TWO_MODELS + STATISTICS)).statistics
    assert statistics.columns == ("passage", "subject", "level")
    assert statistics.equivalence == (EquivalenceSettings(a="small", b="large", margin=0.02),)
    assert (statistics.correction, statistics.interval, statistics.test) == ("CR0", "bca", "permutation")
    assert (statistics.adjust, statistics.resamples, statistics.seed) == ("benjamini_hochberg", 2000, 7)
    assert (statistics.slices, statistics.macro, statistics.k) == (("subject", "level"), "subject", (1, 5))
    line = (TWO_MODELS + STATISTICS).split("\n").index('macro = "subject"') + 1
    assert statistics.places["macro"].endswith(f"eval.toml:{line}")


def test_without_the_table_nothing_is_clustered_or_resampled(tmp_path: Path) -> None:
    statistics = load_eval(write_eval(tmp_path)).statistics
    assert (statistics.columns, statistics.interval, statistics.test) == ((), "analytic", "analytic")
    assert (statistics.adjust, statistics.k, statistics.equivalence) == ("holm", (), ())


def test_what_a_run_records_reads_back(tmp_path: Path) -> None:
    settings = load_eval(write_eval(tmp_path, TWO_MODELS + STATISTICS))
    noted = json.loads(json.dumps(describe(settings)["statistics"]))
    again = StatisticsSettings.recorded(noted)
    assert again == StatisticsSettings.recorded(describe(settings)["statistics"])
    assert (again.slices, again.k, again.equivalence) == (
        settings.statistics.slices,
        settings.statistics.k,
        settings.statistics.equivalence,
    )
    assert StatisticsSettings.recorded(None) == StatisticsSettings()


def test_statistics_do_not_make_another_run(tmp_path: Path) -> None:
    five = "\n[run]\nrepeats = 5\n"
    plain = describe(load_eval(write_eval(tmp_path / "a", TWO_MODELS + five)))
    changed = describe(load_eval(write_eval(tmp_path / "b", TWO_MODELS + STATISTICS)))
    assert plain["statistics"] != changed["statistics"]
    assert identity(plain) == identity(changed)


MISTAKES = [
    ('cluster = "x"\nclustr = "y"', r"eval\.toml:\d+: unknown key 'statistics\.clustr'; did you mean 'cluster'"),
    ('correction = "CR2"', r"eval\.toml:\d+: 'statistics\.correction'.*'CR1' or 'CR0', found 'CR2'"),
    ("resamples = 5", r"eval\.toml:\d+: 'statistics\.resamples'.*greater than or equal to 100, found 5"),
    ("k = [1, 2]", r"eval\.toml:\d+: k = 2 needs at least as many repeats; \[run\] has repeats = 1"),
    (
        '[[statistics.equivalence]]\na = "smal"\nb = "large"\nmargin = 0.1',
        r"there is no model 'smal'; did you mean 'small'",
    ),
    (
        '[[statistics.equivalence]]\na = "small"\nb = "large"\nmargin = 0.1\nmetric = "numbr"',
        r"there is no metric 'numbr'; did you mean 'number'",
    ),
    ('[[statistics.equivalence]]\na = "large"\nb = "large"\nmargin = 0.1', r"are both 'large'; name two models"),
    ('[[statistics.equivalence]]\na = "small"\nb = "large"\nmargin = 0', r"margin'.*greater than 0"),
]


@pytest.mark.parametrize(("lines", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_eval(write_eval(tmp_path, f"{TWO_MODELS}\n[statistics]\n{lines}\n"))


def test_an_equivalence_of_a_model_that_does_not_run_is_left_out(tmp_path: Path) -> None:
    folder = write_eval(tmp_path, TWO_MODELS + STATISTICS)
    assert load_eval(folder, Overrides(models=("small",))).statistics.equivalence == ()
    assert len(load_eval(folder, Overrides(models=("small", "large"))).statistics.equivalence) == 1
