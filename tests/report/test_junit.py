"""The JUnit XML has what build servers demand: a case for each gate and cell, counts that agree, legal characters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pipeline.report.cells import Summary
from pipeline.report.junit import junit
from tests.support.report import make_cell, make_grid_view, make_summary

GATE: dict[str, Any] = {
    "metric": "number", "model": None, "prompt": None, "min": 0.9, "max": None, "pass_fail": True, "value": 0.5,
    "cell": {"model": "m", "prompt": "p", "params": "{}"}, "passed": False,
}  # fmt: skip
SUITE = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}
"""What the schema of Ant's JUnit task demands of a suite, and `skipped`, which it allows."""


def suite(summary: Summary, created_at: str = "2026-11-27T10:00:00+01:00") -> ET.Element:
    """The one suite of the document, its shape compared with the schema's."""
    root = ET.fromstring(junit(summary, created_at=created_at))
    (found,) = root
    assert (root.tag, root.attrib, found.tag, set(found.attrib)) == ("testsuites", {}, "testsuite", SUITE)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found.attrib["timestamp"])
    assert found.attrib["name"].strip() == found.attrib["name"] != ""
    tags = [child.tag for child in found]
    cases = found.findall("testcase")
    assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    assert all(set(one.attrib) == {"name", "value"} for one in found.iterfind("properties/property"))
    for case in cases:
        assert set(case.attrib) == {"classname", "name", "time"}
        assert [(child.tag in ("failure", "error"), set(child.attrib)) for child in case] in (
            [],
            [(True, {"type", "message"})],
        )
    for kind, count in (("failure", "failures"), ("error", "errors")):
        assert int(found.attrib[count]) == sum(case.find(kind) is not None for case in cases)
    assert int(found.attrib["tests"]) == len(cases)
    return found


def summary(**changes: Any) -> dict[str, Any]:
    return {**make_summary([make_cell("m", "p", 0.5)], []), **changes}


def test_a_failed_gate_is_a_failure_with_what_was_found() -> None:
    found = suite(summary(gates=[GATE, {**GATE, "min": 0.4, "passed": True}]))
    failed, passed, _ = found.findall("testcase")
    assert failed.attrib["name"].replace("\N{NO-BREAK SPACE}", " ") == "number, m · p: at least 90.0 %"
    failure = failed.find("failure")
    assert failure is not None
    assert "50.0" in failure.attrib["message"]
    assert list(passed) == []
    assert found.attrib["failures"] == "1"
    assert found.attrib["timestamp"] == "2026-11-27T09:00:00"


def test_the_name_of_a_case_stays_the_same_whatever_is_found() -> None:
    names = {suite(summary(gates=[{**GATE, "value": value}]))[1].attrib["name"] for value in (0.1, 0.7, None)}
    assert len(names) == 1


def test_gates_of_an_unfinished_run_are_errors() -> None:
    open_run = {**make_grid_view(planned=1000).summary, "gates": [{**GATE, "passed": True}]}
    error = suite(open_run)[1].find("error")
    assert error is not None
    assert error.attrib["type"] == "not decided"


def test_a_cell_with_jobs_without_an_answer_is_an_error() -> None:
    cell = make_cell("m", "p", 0.5)
    lost = {**cell, "statuses": {**cell["statuses"], "error": 2, "skipped": 1}}
    found = suite({**make_summary([cell, lost], []), "gates": []})
    assert found.attrib["errors"] == "1"
    error = found.findall("testcase")[1].find("error")
    assert error is not None
    assert error.attrib["message"].startswith("3 of ")


def test_names_and_bodies_of_any_kind_are_legal(shared: Path) -> None:
    texts = [one["text"] for one in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    texts += ["".join(map(chr, range(32))), "\ufffe\uffff\ud800", "]]>", "   ", "a\nb\tc\r"]
    gates = [
        {**GATE, "metric": text, "note": text, "cell": {"model": text, "prompt": text, "params": "{}"}}
        for text in texts
    ]
    cells = [make_cell(text, f"p{number}", 0.5) for number, text in enumerate(texts)]
    for text in texts:
        found = suite({**make_summary(cells, [], eval=text), "gates": gates})
        assert len(found.findall("testcase")) == 2 * len(texts)
        assert all(case.attrib["name"].strip() for case in found.findall("testcase"))
