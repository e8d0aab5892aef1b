"""Writes a summary as JUnit XML: a test case for each gate and for each cell, as build servers read it.

It is valid by the schema of Ant's JUnit task (which Windy Road wrote down) and by that of Jenkins' xUnit plugin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from pipeline.report import numbers
from pipeline.report.cautions import cautions
from pipeline.report.cell_texts import metric_texts, texts_of
from pipeline.report.cells import Cell, Summary, label, unfinished
from pipeline.report.visible import one_line, visible
from pipeline.report.words import gate_figures, gate_sentence, progress

_NO_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 forbids and `visible` leaves."""
_NAMELESS = "(no name)"


def junit(summary: Summary, *, created_at: str) -> str:
    """Return the document. A failed gate is a failure; a gate that is not decided, or jobs without an answer, an error.

    `time` is 0, which the schema demands: how long a gate takes means nothing.
    """
    cases = [_gate_case(summary, gate) for gate in summary["gates"]]
    texts = metric_texts(summary)
    cases += [_cell_case(summary, cell, texts_of(cell, texts)) for cell in summary["cells"]]
    name = _name(summary["eval"])
    suite = ET.Element(
        "testsuite",
        {
            "name": name,
            "package": name,
            "id": "0",
            "timestamp": _timestamp(created_at),
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(_count(cases, "failure")),
            "errors": str(_count(cases, "error")),
            "skipped": "0",
            "time": "0",
        },
    )
    _properties(suite, summary)
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = "\n".join(_text(caution.text) for caution in cautions(summary))
    ET.SubElement(suite, "system-err")
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _gate_case(summary: Summary, gate: Mapping[str, Any]) -> ET.Element:
    """Name it by what is required, not by what was found, so that a build server follows it over many runs."""
    _, bound = gate_figures(gate, share=bool(gate.get("pass_fail")))
    metric = str(gate.get("metric") or "")
    where = label(gate["cell"]) if gate.get("cell") else _asked(gate)
    case = _case(summary, "gates", f"{metric}, {where}: {bound}")
    if (standing := progress(summary)) and unfinished(summary):
        _add(case, "error", "not decided", standing)
    elif not gate["passed"]:
        _add(case, "failure", "gate", gate_sentence(gate))
    return case


def _asked(gate: Mapping[str, Any]) -> str:
    return " · ".join(str(gate[name]) for name in ("model", "prompt") if gate.get(name)) or "every cell"


def _cell_case(summary: Summary, cell: Cell, figures: Mapping[str, str]) -> ET.Element:
    case = _case(summary, "cells", label(cell))
    lost = cell["statuses"]["error"] + cell["statuses"]["skipped"]
    if lost:
        means = ", ".join(f"{name} {text}" for name, text in figures.items()) or "nothing was scored"
        _add(
            case,
            "error",
            "jobs",
            f"{numbers.count(lost)} of {numbers.count(cell['n'])} jobs without an answer; {means}",
        )
    return case


def _case(summary: Summary, group: str, name: str) -> ET.Element:
    classname = f"{_name(summary['eval'])}.{group}"
    return ET.Element("testcase", {"classname": classname, "name": _name(name), "time": "0"})


def _add(case: ET.Element, kind: str, what: str, message: str) -> None:
    told = _text(message)
    ET.SubElement(case, kind, {"type": what, "message": told}).text = told


def _properties(suite: ET.Element, summary: Summary) -> None:
    properties = ET.SubElement(suite, "properties")
    cost = summary["cost"]
    known = {
        "run_id": summary["run_id"],
        "simulated": str(bool(summary["simulated"])).lower(),
        "jobs": str(summary["jobs"]["total"]),
        "cost_usd": cost["total_usd"],
        "unpriced_jobs": str(cost["unpriced_jobs"]),
    }
    for name, value in known.items():
        if value is not None:
            ET.SubElement(properties, "property", {"name": name, "value": _text(value)})


def _count(cases: list[ET.Element], kind: str) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _timestamp(created_at: str) -> str:
    """The moment in UTC without a zone, as the schema wants it."""
    moment = datetime.fromisoformat(created_at)
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%dT%H:%M:%S}"


def _name(text: str) -> str:
    return _legal(one_line(text)) or _NAMELESS


def _text(text: str) -> str:
    return _legal(visible(text))


def _legal(text: str) -> str:
    return _NO_XML.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)
