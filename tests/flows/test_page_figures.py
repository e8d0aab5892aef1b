"""The pages and documents of a real run show no figure that summary.json does not bear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import evalmill
from tests.support.derived import derived
from tests.support.page_figures import Number, Numbers
from tests.support.page_text import markdown_lines, page_lines, xml_lines
from tests.support.report import embedded

READERS = {".html": page_lines, ".md": markdown_lines, ".xml": xml_lines}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "run"
    done = evalmill("run", "prompts/arithmetic", "--limit", 20, "--out", folder)
    assert done.code in (0, 1), done.err
    assert evalmill("report", folder, "--format", "html,md,junit").code == done.code
    return folder


@pytest.mark.parametrize("name", ["index.html", "quality.html", "cost.html", "report.md", "junit.xml"])
def test_every_figure_is_one_of_the_summary(run: Path, name: str) -> None:
    known = Numbers()
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    settings = json.loads((run / "run.json").read_text(encoding="utf-8"))
    known.add(summary)
    known.names |= {settings["settings"]["description"], settings["created_at"]}
    known.pool += [*derived(summary), Number("count", len(json.loads(embedded(run / "quality.html"))))]
    text = (run / name).read_text(encoding="utf-8")
    lines = READERS[Path(name).suffix](text)
    assert len(lines) > 20
    assert known.missing(lines) == []
    if name.endswith(".html"):
        assert known.missing_from_charts(text) == []
