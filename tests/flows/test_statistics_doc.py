"""The page on statistics: its examples give what it says, and every method it names is listed with its source."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")


def test_every_example_gives_what_the_page_shows() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(code, {}, "docs/statistics.md", None, None)
    assert len(examples.examples) > 60
    complaints: list[str] = []
    outcome = doctest.DocTestRunner().run(examples, out=complaints.append)
    assert outcome.failed == 0, "".join(complaints)


def test_every_module_of_statistics_that_computes_figures_is_shown() -> None:
    shown = set(re.findall(r"from pipeline\.stats\.(\w+) import", TEXT))
    shown |= set(re.findall(r"from pipeline\.stats import (\w+)", TEXT))
    assert shown == {
        *("agreement", "bootstrap", "bradley_terry", "clusters", "corpus", "equivalence", "intervals", "multiple"),
        *("paired", "permutation", "power", "prediction_powered", "repeats"),
    }


@pytest.mark.parametrize("line", re.findall(r"^\*((?!\*).+)\*$", TEXT, flags=re.MULTILINE))
def test_every_source_is_in_the_list_of_literature(line: str) -> None:
    listed = TEXT.split("\n## Literature\n")[1]
    for author, years in re.findall(r"([A-ZÅ]\w+)(?: et al\.)? (\d{4}(?:, \d{4})*)", line):
        for year in years.split(", "):
            assert re.search(rf"{author}(?: et al\.)? {year}\.", listed), f"{author} {year}"


def test_links_within_the_page_lead_to_its_headings() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
