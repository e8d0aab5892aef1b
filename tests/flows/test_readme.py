"""The README's commands do what it says, in the order in which it says them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline.config.read import parse
from pipeline.config.tables import EvalTable
from pipeline.core.template import compile_template
from pipeline.providers.catalog import load_catalog
from tests.support.commands import ROOT, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The parts of a checkout that the commands touch, with the environment that exists already."""
    for name in ("datasets", "prompts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    command = scripts / "evalmill"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline.cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def test_the_commands_for_an_own_evaluation_work(clone: Path) -> None:
    script = next(block for block in blocks("sh") if "evalmill init" in block)
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=clone, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (clone / "prompts/my-eval/eval.toml").exists()
    assert "quality.html" in done.stdout
    example = next(block for block in blocks("python") if "read_parquet" in block)
    read = subprocess.run(
        [sys.executable, "-c", example], cwd=clone, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert read.returncode == 0, read.stderr
    assert "output_tokens" in read.stdout


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for named in re.findall(r"^make ([a-z-]+)$", README, flags=re.MULTILINE):
        assert named in targets


def test_the_example_settings_and_template_are_valid() -> None:
    toml = blocks("toml")[0]
    assert tomllib.loads(toml)["name"] == "my-eval"
    parse(toml, ROOT / "README.md", EvalTable)
    assert compile_template(blocks("jinja")[0], path="README.md").columns == {"question"}


def test_the_table_of_providers_is_the_catalogs() -> None:
    rows = re.findall(r"^\| .*? \| `([A-Z_]+)` \| `([a-z]+)/", README, flags=re.MULTILINE)
    catalog = load_catalog()
    assert {provider: key for key, provider in rows} == {
        name: provider.key_env for name, provider in catalog.items() if provider.key_env
    }


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
