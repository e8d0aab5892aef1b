"""eval.toml and providers.toml: read strictly, resolved fully, mistakes told with their line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.config.load import Overrides, load_eval
from pipeline.core.errors import SettingsError, UsageError
from tests.support.evals import EVAL, write_eval


def test_an_evaluation_is_resolved(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "sums")
    settings = load_eval(folder)
    assert settings.name == "sums"
    assert settings.dataset.path == str(folder / "rows.csv")
    assert settings.prompts[0].source == "{{ question }}"
    assert (settings.models[0].provider, settings.models[0].model) == ("simulator", "sim-small")
    assert settings.models[0].params == {"max_tokens": 64}
    assert settings.scorers[0].name == "number"
    assert settings.simulator.answers == str(folder / "rows.csv")
    assert load_eval(folder / "eval.toml") == settings


def test_max_tokens_has_a_default_and_parameters_pass_through(tmp_path: Path) -> None:
    text = EVAL.replace("max_tokens = 64", 'temperature = 0.5\nanything = { a = [1, 2.5] }\nbeta = ["one", "two"]')
    model = load_eval(write_eval(tmp_path, text)).models[0]
    assert model.params == {"max_tokens": 1024, "temperature": 0.5, "anything": {"a": [1, 2.5]}}
    assert model.beta == ("one", "two")


def test_a_model_id_is_split_at_the_first_slash(tmp_path: Path) -> None:
    text = EVAL.replace("simulator/sim-small", "ofox/anthropic/claude-sonnet-4.5")
    model = load_eval(write_eval(tmp_path, text)).models[0]
    assert (model.provider, model.model) == ("ofox", "anthropic/claude-sonnet-4.5")


def test_money_is_read_exactly(tmp_path: Path) -> None:
    folder = write_eval(tmp_path, EVAL + "\n[run]\nbudget_usd = 0.1\n")
    assert load_eval(folder).run.budget_usd == Decimal("0.1")
    assert load_eval(folder, Overrides(budget_usd=Decimal(3))).run.budget_usd == Decimal(3)


def test_the_failure_rate_is_a_share_and_off_by_default(tmp_path: Path) -> None:
    assert load_eval(write_eval(tmp_path, EVAL)).run.max_failure_rate is None
    folder = write_eval(tmp_path, EVAL + "\n[run]\nmax_failure_rate = 0.1\n")
    assert load_eval(folder).run.max_failure_rate == 0.1
    assert load_eval(folder, Overrides(max_failure_rate=0.0)).run.max_failure_rate == 0
    with pytest.raises(SettingsError, match="max_failure_rate"):
        load_eval(write_eval(tmp_path, EVAL + "\n[run]\nmax_failure_rate = 10\n"))


def test_tools_may_stand_in_a_json_file(tmp_path: Path) -> None:
    folder = write_eval(tmp_path, EVAL.replace("max_tokens = 64", 'tools = "tools.json"'))
    (folder / "tools.json").write_text('[{"name": "f", "input_schema": {"type": "object"}}]')
    assert load_eval(folder).models[0].params["tools"][0]["name"] == "f"


def test_tools_may_vary_in_a_grid_and_stand_in_files_there_too(tmp_path: Path) -> None:
    text = EVAL + '\n[grid]\ntools = ["tools.json", [{ name = "g" }]]\n'
    folder = write_eval(tmp_path, text)
    with pytest.raises(SettingsError, match=r"eval\.toml:\d+: 'tools' names 'tools\.json', which is not a readable"):
        load_eval(folder)
    (folder / "tools.json").write_text('[{"name": "f"}]')
    assert load_eval(folder).grid["tools"] == ([{"name": "f"}], [{"name": "g"}])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("path =", "pth =", r"eval\.toml:4: unknown key 'dataset\.pth'; did you mean 'path'\?"),
        ("max_tokens = 64\n", 'max_tokens = 64\n[grid]\nbeta = [["a"]]\n', r"eval\.toml:17: 'beta' is a header of all"),
        ("max_tokens = 64\n", "max_tokens = 64\n[rum]\n", r"eval\.toml:16: unknown key 'rum'; did you mean 'run'\?"),
        ('name = "sums"', "name = 3", r"eval\.toml:1: 'name': .*string.*found 3"),
        ("seed = 3", "seed = 3\nerror_rate = 1.5", r"eval\.toml:23: 'simulator\.error_rate'.*less than 1.*found 1\.5"),
        (
            "simulator/sim-small",
            "simulatr/sim-small",
            r"eval\.toml:13: there is no provider 'simulatr'; did you mean 'sim",
        ),
        ("simulator/sim-small", "sim-small", r"eval\.toml:13: 'models\[1\]\.id'"),
        ("plain.jinja", "plane.jinja", r"eval\.toml:9: there is no template 'plane\.jinja'"),
        ("max_tokens = 64", 'tools = "none.json"', r"toml:15: 'tools' names 'none\.json', which is not"),
        ('kind = "number"', 'knd = "number"', r"toml:18: 'scorers\[1\]\.kind' is missing; is 'knd' meant for it\?"),
        ('kind = "number"\n', "", r"toml:17: 'scorers\[1\]\.kind' is missing$"),
        ("[dataset]", "[dataset", r"eval\.toml: not valid TOML: .*line 3"),
        ('id = "simulator/sim-small"', 'id = "simulator/sim-small"\nanswer = "x"', r"toml:14: 'answer' is for models"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EVAL
    with pytest.raises(SettingsError, match=message):
        load_eval(write_eval(tmp_path, EVAL.replace(old, new, 1)))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = EVAL.replace("path =", "pth =").replace("seed = 3", "sede = 3")
    with pytest.raises(SettingsError) as caught:
        load_eval(write_eval(tmp_path, text))
    assert {"'dataset.pth'", "'simulator.sede'"} <= {word.strip(";") for word in str(caught.value).split()}


def test_a_name_may_stand_only_once(tmp_path: Path) -> None:
    text = EVAL + '\n[[scorers]]\nkind = "number"\nexpected = "1"\n'
    with pytest.raises(SettingsError, match=r"'number' stands twice in \[\[scorers\]\]; give each its own 'name'"):
        load_eval(write_eval(tmp_path, text))


def test_a_filter_that_matches_nothing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--model smal: there is none of that name; did you mean 'small'"):
        load_eval(write_eval(tmp_path), Overrides(models=("smal",)))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        load_eval(tmp_path / "nowhere" / "eval.toml")


PROVIDERS = """\
[providers.lab]
protocol = "anthropic-messages"
base_url = "http://127.0.0.1:9000/"
key_env = "LAB_KEY"
[providers.lab.limits]
requests_per_minute = 3000
[providers.lab.models."x y".limits]
requests_per_minute = 3
[[providers.lab.prices]]
model = "m"
effective = 2025-09-29
input = "3.00"
output = "15.00"
source = "price list"

[providers.anthropic]
base_url = "http://127.0.0.1:9001"
"""


def test_providers_toml_adds_and_overrides(tmp_path: Path) -> None:
    folder = write_eval(tmp_path / "deep" / "sums", EVAL.replace("simulator/sim-small", "lab/m"))
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    lab = load_eval(folder).providers["lab"]
    assert (lab.base_url, lab.key_env, lab.auth) == ("http://127.0.0.1:9000", "LAB_KEY", "x-api-key")
    assert lab.limits.requests_per_minute == 3000
    assert lab.model_limits["x y"].requests_per_minute == 3
    price = lab.prices[0]
    assert (price.input, price.output, price.cache_read) == (Decimal("3.00"), Decimal("15.00"), None)

    folder = write_eval(tmp_path / "other", EVAL.replace("simulator/sim-small", "anthropic/claude-haiku-4-5-20251001"))
    anthropic = load_eval(folder).providers["anthropic"]
    assert anthropic.base_url == "http://127.0.0.1:9001"
    assert anthropic.key_env == "ANTHROPIC_API_KEY", "what the file does not name stays as the catalog has it"
    assert anthropic.prices


def test_a_new_provider_needs_protocol_and_address(tmp_path: Path) -> None:
    folder = write_eval(tmp_path)
    (tmp_path / "providers.toml").write_text('[providers.lab]\nkey_env = "K"\n')
    with pytest.raises(SettingsError, match=r"provider 'lab' is not in the catalog and needs 'protocol'"):
        load_eval(folder)


def test_an_unknown_key_in_providers_toml_is_told_with_its_line(tmp_path: Path) -> None:
    folder = write_eval(tmp_path)
    (tmp_path / "providers.toml").write_text(PROVIDERS.replace("requests_per_minute = 3", "request_per_minute = 3", 1))
    with pytest.raises(SettingsError, match=r"providers\.toml:6: .*did you mean 'requests_per_minute'"):
        load_eval(folder)


def test_a_concurrency_that_is_chosen_is_where_a_run_begins(tmp_path: Path) -> None:
    run = load_eval(write_eval(tmp_path / "default")).run
    assert (run.concurrency, run.first_in_flight) == (64, 8)
    run = load_eval(write_eval(tmp_path / "chosen", EVAL + "\n[run]\nconcurrency = 32\n")).run
    assert (run.concurrency, run.first_in_flight) == (32, 32)
