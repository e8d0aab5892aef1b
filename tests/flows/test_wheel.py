"""A wheel built from the checkout works outside of it: init, run on the simulator, report."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"pipeline"}
    tracked = subprocess.run(["git", "ls-files", "pipeline"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) <= set(names)


def test_init_run_and_report_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are the ones that are installed here; evalmill itself is found only in the new environment."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "-q", str(wheel)],
        check=True,
        capture_output=True,
    )
    work = tmp_path / "work"
    work.mkdir()
    (work / "capitals.csv").write_text("id,question,answer\n1,Capital of France?,Paris\n2,Capital of Peru?,Lima\n")
    env = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), "COLUMNS": "120"}

    def evalmill(*arguments: str) -> str:
        done = subprocess.run(
            [str(home / "bin" / "evalmill"), *arguments], cwd=work, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-c", "import pipeline; print(pipeline.__file__)"],
        cwd=work,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(home))
    evalmill("init", "capitals", "capitals.csv")
    evalmill("check", "prompts/capitals")
    pages = evalmill("run", "prompts/capitals", "--out", "run")
    assert "run/index.html" in pages
    (work / "run" / "index.html").unlink()
    evalmill("report", "run")
    assert (work / "run" / "index.html").exists()
