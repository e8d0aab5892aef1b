"""Writes a summary as Markdown fit for a pull request: verdict, tables, gates, cost; no name becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.report import numbers, tables
from pipeline.report.cautions import cautions
from pipeline.report.cell_costs import pass_line
from pipeline.report.cell_texts import metric_texts, texts_of
from pipeline.report.cells import Cell, Summary, key, unfinished
from pipeline.report.front import front_line
from pipeline.report.judging import judge_sections
from pipeline.report.visible import one_line
from pipeline.report.words import gate_sentence, verdict

MOST_ROWS = 30
"""Rows of one table; a pull request's comment is not the report."""
_MARKUP = re.compile(r"([\\`*_\[\]|<>~&$]|^[-+=#]|(?<=www)\.|:(?=//))", re.IGNORECASE)
"""Signs that begin markup, those that do at the start of a line, and those that make a link of an address."""
_NUMBERED = re.compile(r"^(\d+)(?=[.)])")
_MENTION = re.compile(r"([@#])(?=\w)")
"""What GitHub makes a link to a person or an issue of."""
_JOINER = "\N{WORD JOINER}"


def markdown(summary: Summary, *, description: str, created_at: str) -> str:
    """Return the document: GitHub's Markdown, which plain Markdown viewers show too.

    Names, and every text that came from outside, stand as code or escaped: they make no link, no mention, no markup.
    """
    found = verdict(summary)
    blocks = [
        f"## {escaped(summary['eval'])}: {escaped(found.headline)}",
        escaped(description),
        *(f"> {escaped(caution.text)}" for caution in cautions(summary) if caution.kind in ("simulated", "incomplete")),
        " ".join(map(escaped, found.sentences)),
        _cells(summary),
        _comparisons(summary),
        _judges(summary),
        _gates(summary),
        _money(summary),
        _cautions(summary),
        f"Run {code(summary['run_id'])}, {escaped(numbers.moment(created_at))}.",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Write untrusted text so that it reads as it is: one line, no markup, no link, no mention."""
    plain = _NUMBERED.sub(r"\1\\", _MARKUP.sub(r"\\\1", one_line(text)))
    return _MENTION.sub(rf"\1{_JOINER}", plain)


def code(text: str) -> str:
    """Write an untrusted name as a code span that nothing in it can end; a bar that would end a table cell is drawn."""
    plain = one_line(text).replace("|", "│")
    if not plain:
        return numbers.UNKNOWN
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def _cells(summary: Summary) -> str:
    texts, grid = metric_texts(summary), tables.has_params(summary)
    names = ["model", "prompt", *(["parameters"] if grid else [])]
    heads = [*names, *map(code, texts), "ok/jobs", "cost", "median latency"]
    rows = [[*_names(cell, grid), *map(_figure, _figures(cell, texts))] for cell in summary["cells"]]
    return _table(heads, rows, names=len(names))


def _names(cell: Cell, grid: bool) -> list[str]:
    return list(map(code, key(cell)[: 3 if grid else 2]))


def _figures(cell: Cell, texts: dict[str, dict[tuple[str, str, str], str]]) -> list[str]:
    answered = f"{numbers.count(cell['statuses']['ok'])}/{numbers.count(cell['n'])}"
    latency = numbers.milliseconds((cell.get("latency_ms") or {}).get("p50"))
    return [*texts_of(cell, texts).values(), answered, numbers.usd(cell["cost_usd"]), latency]


def _comparisons(summary: Summary) -> str:
    found = tables.comparisons(summary)
    if not found:
        return ""
    heads = ["metric", "first", "second", "second is", "second less first", "95 % interval", "adjusted p"]
    rows = [
        [
            *map(code, (row.metric, row.a, row.b)),
            row.verdict,
            *map(_figure, (row.difference, row.interval, row.p_adjusted)),
        ]
        for row in found
    ]
    return _section("Paired comparisons", _table(heads, rows, names=4), folded=len(rows) > 6)


def _judges(summary: Summary) -> str:
    """What the judges' figures rest on; their tables are in the report."""
    lines = [
        f"- {code(section.scorer)}: {' '.join(escaped(sentence) for sentence in section.words)}"
        for section in judge_sections(summary)
    ]
    return _section("Judges", "\n".join(lines)) if lines else ""


def _gates(summary: Summary) -> str:
    lines = [f"- **{_result(summary, gate)}** {escaped(gate_sentence(gate))}" for gate in summary["gates"]]
    return _section("Gates", "\n".join(lines)) if lines else ""


def _result(summary: Summary, gate: Mapping[str, Any]) -> str:
    if unfinished(summary):
        return "not decided:"
    return "passed:" if gate["passed"] else "failed:"


def _money(summary: Summary) -> str:
    cost = summary["cost"]
    told = [f"{numbers.usd(cost['total_usd'])} in all"]
    if cost["budget_usd"] is not None:
        told.append(f"of a budget of {numbers.usd(cost['budget_usd'])}")
    if reused := summary["jobs"]["reused"]:
        told.append(f"{numbers.count(reused)} answers reused, saving {numbers.usd(cost['reused_saved_usd'])}")
    more = [escaped(text) for text in (pass_line(summary), front_line(summary)) if text]
    return " ".join([f"**Cost:** {_figure(', '.join(told))}.", *more])


def _cautions(summary: Summary) -> str:
    rest = [caution.text for caution in cautions(summary) if caution.kind not in ("simulated", "incomplete", "gate")]
    return _section("To be read with care", "\n".join(f"- {escaped(text)}" for text in rest)) if rest else ""


def _figure(text: str) -> str:
    """Keep a figure of ours from being read as a formula or a tag."""
    return text.replace("$", "\\$").replace("<", "\\<")


def _section(title: str, body: str, *, folded: bool = False) -> str:
    if folded:
        return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
    return f"### {title}\n\n{body}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, names: int) -> str:
    """Write a table whose first columns are words and the rest numbers."""
    every = list(rows)
    lines = [heads, ["---"] * names + ["---:"] * (len(heads) - names), *every[:MOST_ROWS]]
    more = f"\n\nand {numbers.count(len(every) - MOST_ROWS)} more rows in the report" if len(every) > MOST_ROWS else ""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + more
