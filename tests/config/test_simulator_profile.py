"""The profile of the built-in simulator: a key of eval.toml, and part of who answered."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from pipeline.config import tables
from pipeline.config.describe import provider_identity
from pipeline.config.load import load_eval
from pipeline.core.errors import SettingsError
from pipeline.simulator.options import PROFILES
from pipeline.steps.answer import simulator_options
from tests.support.evals import EVAL, write_eval


def test_the_profiles_of_the_file_are_those_of_the_simulator() -> None:
    assert get_args(tables.SimulatorProfile) == PROFILES


def test_a_profile_reaches_the_simulator_and_the_identity(tmp_path: Path) -> None:
    plain = load_eval(write_eval(tmp_path / "plain"))
    ofox = load_eval(write_eval(tmp_path / "ofox", EVAL.replace("seed = 3", 'seed = 3\nprofile = "ofox"')))
    assert (plain.simulator.profile, ofox.simulator.profile) == ("anthropic", "ofox")
    assert simulator_options(ofox.simulator).profile == "ofox"
    addresses = [provider_identity(settings, settings.models[0])["address"] for settings in (plain, ofox)]
    assert addresses == [{"simulator": "anthropic", "seed": 3}, {"simulator": "ofox", "seed": 3}]


def test_an_unknown_profile_is_refused_with_its_line(tmp_path: Path) -> None:
    text = EVAL.replace("seed = 3", 'seed = 3\nprofile = "anthropik"')
    with pytest.raises(SettingsError, match=r"eval\.toml:\d+: 'simulator\.profile'.*'anthropic'"):
        load_eval(write_eval(tmp_path, text))
