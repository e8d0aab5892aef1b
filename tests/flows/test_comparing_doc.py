"""The page on comparing: its commands give the words it shows, and its tables name every field."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT, called, environment

TEXT = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the first example has run."""
    folder = tmp_path_factory.mktemp("comparing")
    for name in ("datasets", "prompts"):
        shutil.copytree(ROOT / name, folder / name)
    scripts = folder / "bin"
    scripts.mkdir()
    command = scripts / "evalmill"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline.cli "$@"\n')
    command.chmod(0o755)
    return folder


def run(script: str, clone: Path) -> subprocess.CompletedProcess[str]:
    env = environment(PATH=f"{clone / 'bin'}:/usr/bin:/bin")
    return subprocess.run(["bash", "-c", script], cwd=clone, env=env, capture_output=True, text=True, timeout=120)


def test_the_commands_give_the_words_that_the_page_shows(clone: Path) -> None:
    first, gate = re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    done = run(f"set -e\n{first}", clone)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"```text\n(.*?)```", TEXT, flags=re.DOTALL)[0].strip().split("\n")
    lines = done.stdout.replace("\N{NO-BREAK SPACE}", " ").split("\n")
    for line in shown:
        assert line in lines
    assert (clone / "reports/after/compare-before.html").exists()
    assert run(gate, clone).returncode == 0
    before, after = "reports/before", "reports/after"
    back = run(f"evalmill compare {after} {before} --fail-on-regression --out back.html", clone)
    assert back.returncode == 1
    assert "regression: number of small · brief" in back.stderr


def test_every_field_is_explained(clone: Path) -> None:
    found = called("compare", "reports/before", "reports/after", "--slice", "topic", "--json", cwd=clone).json
    pair = found["pairs"][0]
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    words = set(re.findall(r"`([^`]+)`", prose))
    parts = [found, found["runs"][0], pair, pair["rows"], pair["differing"][0], pair["matched"][0], pair["changes"][0]]
    parts += [pair["costs"][0], pair["changes"][0]["before"]]
    own = {"mean_a", "mean_b", "only_a", "only_b", "column", "value"}
    assert {name for part in parts for name in part} - words - {"prompt"} == set()
    assert own <= set(pair["slices"][0]) | set(pair["comparisons"][0])
    assert own <= words
