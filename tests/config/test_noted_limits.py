"""The limits that a run notes: those of each account, shared as the run shares them, and no part of its identity."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.config.describe import describe, identity
from pipeline.config.load import Overrides, load_eval
from tests.support.evals import EVAL, write_eval

MODELS = "".join(f'\n[[models]]\nname = "{name}"\nid = "simulator/sim-{name}"\n' for name in ("medium", "large"))
RECORDED = '\n[[models]]\nname = "old"\nid = "recorded/old"\nanswer = "{{ answer }}"\n'
LIMITS = """
[providers.simulator.limits]
requests_per_minute = 600
burst_seconds = 3

[providers.simulator.models.sim-large.limits]
output_tokens_per_minute = 9000
requests_in_flight = 4
"""


def noted(folder: Path, limits: str, text: str = EVAL + MODELS + RECORDED) -> tuple[list[dict[str, object]], object]:
    write_eval(folder, text)
    if limits:
        (folder / "providers.toml").write_text(limits)
    described = json.loads(json.dumps(describe(load_eval(folder, Overrides())), default=str))
    return described["limits"], identity(described)


def test_a_model_with_limits_of_its_own_has_them_to_itself(tmp_path: Path) -> None:
    (shared, own), _ = noted(tmp_path, LIMITS)
    assert (shared["provider"], shared["models"]) == ("simulator", ["small", "medium"])
    assert (shared["requests_per_minute"], shared["burst_seconds"]) == (600, 3)
    assert own["models"] == ["large"]
    assert (own["requests_per_minute"], own["output_tokens_per_minute"], own["requests_in_flight"]) == (None, 9000, 4)
    assert own["concurrency"] == 64


def test_recorded_models_have_no_account(tmp_path: Path) -> None:
    found, _ = noted(tmp_path, "")
    assert [one["models"] for one in found] == [["small", "medium", "large"]]
    assert found[0]["requests_per_minute"] is None


def test_other_limits_make_no_other_run(tmp_path: Path) -> None:
    one, same = noted(tmp_path / "a", LIMITS), noted(tmp_path / "b", "")
    assert one[0] != same[0]
    assert one[1] == same[1]
