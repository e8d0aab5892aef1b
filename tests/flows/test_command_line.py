"""The command line is documented as it is, starts light, and obeys no control character."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from pipeline.cli.main import app
from tests.support.commands import ROOT, called, environment, evalmill
from tests.support.evals import write_eval


def test_the_page_of_the_command_line_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location("make_command_line", ROOT / "docs" / "make_command_line.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.VERBS) == {command.name for command in app.registered_commands}
    assert (ROOT / "docs" / "command-line.md").read_text() == module.page(), "run `make docs`"


def test_every_verb_takes_json() -> None:
    for command in app.registered_commands:
        assert "--json" in called(command.name, "--help").out, command.name


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pipeline.cli.main import run_command; run_command(['--help']); "
        "heavy = {'polars', 'pyarrow', 'numpy', 'scipy', 'aiohttp', 'httpx', 'anyio', 'jinja2', 'orjson', 'rich'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_control_characters_in_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path / "sums")
    text = (evaluation / "eval.toml").read_text()
    (evaluation / "eval.toml").write_text(text.replace('name = "small"', 'name = "small\\u001b]0;pwn\\u0007"'))
    done = evalmill("run", evaluation, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err
    assert "\x07" not in done.out + done.err


def test_the_schema_accepts_the_examples() -> None:
    import tomllib

    import jsonschema_rs

    validator = jsonschema_rs.validator_for(called("schema").json)
    for example in (ROOT / "prompts").glob("*/eval.toml"):
        value = tomllib.loads(example.read_text(encoding="utf-8"))
        assert [error.message for error in validator.iter_errors(value)] == []
    assert not validator.is_valid({"name": "x"})


def test_models_lists_prices_with_their_date_and_source() -> None:
    entries = called("models", "apimart", "--json").json
    sonnet = next(entry for entry in entries if entry["model"] == "claude-sonnet-4-5-20250929")
    assert (sonnet["input"], sonnet["output"], sonnet["effective"]) == ("3", "15", "2025-09-29")
    assert sonnet["source"]
    assert "claude-sonnet-4-5-20250929" in called("models", "apimart").out.replace("\n", "")


def test_the_version_is_told() -> None:
    assert called("--version").out.startswith("evalmill ")
