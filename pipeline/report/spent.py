"""Where a run's money went: by class of tokens, attempts without a result, judges; and by model and prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, params_text
from pipeline.report.chart_parts import Spec, layered, tooltip
from pipeline.report.charts import Chart
from pipeline.report.grid import Column, Entry, Grid

_BAR_HEIGHT = 46
_TONES = {"tokens": "var(--accent)", "judges": "var(--series-2)", "nothing": "var(--series-3)"}
_CLASS_NAMES = {"input": "Fresh input", "cache_read": "Read from a cache", "cache_write": "Written to a cache"}
CLASS_HEADS = ("Fresh input", "Cache read", "Cache write", "Output", "of it thinking")
_NONE = Decimal(0)
_ROUNDING = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of what was spent; all parts add up to the total."""

    name: str
    usd: Decimal
    tone: str = "tokens"
    tokens: int | None = None


def parts_of(summary: Summary) -> list[Part]:
    """The parts of the total that are known and were used; empty where the classes of no cost are known."""
    cost = summary["cost"]
    classes = {name: Decimal(usd) for name, usd in (cost.get("classes_usd") or {}).items() if usd is not None}
    if not classes or cost["total_usd"] is None:
        return []
    tokens = cost.get("class_tokens") or dict.fromkeys(classes)
    parts = [Part(text, classes[name], tokens=tokens[name]) for name, text in _CLASS_NAMES.items() if name in classes]
    parts += _outputs(classes, tokens)
    wasted = sum((Decimal(cell["wasted_usd"]) for cell in summary["cells"] if cell["wasted_usd"] is not None), _NONE)
    other = _but_rounding(Decimal(cost["other_usd"]), summary["jobs"]["total"])
    without = min(wasted, other)
    parts.append(Part("Attempts without a result", without, "nothing"))
    parts.append(Part("Not split by tokens", other - without, "nothing"))
    if cost.get("judges_usd") is not None:
        parts.append(Part("Judges", Decimal(cost["judges_usd"]), "judges"))
    return [part for part in parts if part.usd or part.tokens]


def spent_chart(parts: Sequence[Part]) -> Chart | None:
    """Draw a bar for each part, with its name and share above it; None without two parts."""
    paid = [part for part in parts if part.usd > 0]
    if len(paid) < 2:
        return None
    whole = sum((part.usd for part in paid), _NONE)
    rows = [_bar(part, whole) for part in paid]
    x = {"field": "amount", "type": "quantitative", "title": None, "axis": None, "scale": {"nice": False}}
    colour = {
        "field": "tone",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(_TONES), "range": list(_TONES.values())},
    }
    spec = layered(
        rows,
        [
            {
                "mark": {"type": "bar", "height": 12, "yOffset": 10},
                "encoding": {"x": x, "color": colour, "tooltip": tooltip("part", "cost", "share")},
            },
            {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "dy": -10, "limit": {"expr": "width"}},
                "encoding": {"x": {"datum": 0}, "text": {"field": "label", "type": "nominal"}},
            },
        ],
    )
    spec["encoding"] = {"y": {"field": "part", "type": "ordinal", "sort": None, "axis": None}}
    spec["height"] = _BAR_HEIGHT * len(rows)
    most = max(rows, key=lambda row: row["amount"])
    return Chart(
        alternative=f"Where {numbers.usd(whole)} went, in {len(rows)} parts. Most: {most['label']}.", spec=spec
    )


def parts_grid(summary: Summary, parts: Sequence[Part]) -> Grid | None:
    """The parts of the total with their shares and tokens; None where they are not known."""
    if not parts:
        return None
    whole = Decimal(summary["cost"]["total_usd"])
    rows = [_row(part.name, part.usd, whole, numbers.count(part.tokens)) for part in parts]
    return Grid(
        caption="What was spent, in US dollars; the parts add up to the total",
        columns=(Column("Spent on"), Column("Cost", True), Column("Share", True), Column("Tokens", True)),
        rows=(*rows, _row("all", whole, whole, "")),
    )


def class_grid(summary: Summary, names: Callable[[Cell], list[Entry]], heads: Sequence[Column]) -> Grid | None:
    """What each cell's classes of tokens cost; None where an older summary does not tell."""
    cells = [cell for cell in summary["cells"] if any((cell.get("classes_usd") or {}).values())]
    if not cells:
        return None
    rows = [
        (
            *names(cell),
            *(_money(cell["classes_usd"].get(name)) for name in ("input", "cache_read", "cache_write", "output")),
            _money(cell["classes_usd"].get("thinking")),
            Entry(numbers.usd(_rest(cell)), kind="number"),
            Entry(numbers.usd(cell["cost_usd"]), kind="strong"),
        )
        for cell in cells
    ]
    return Grid(
        caption="Cost by class of tokens, in US dollars; a dash is a class that was not reported",
        columns=(*heads, *(Column(text, True) for text in (*CLASS_HEADS, "Other", "All"))),
        rows=tuple(rows),
    )


def summed_grids(summary: Summary) -> list[tuple[str, Grid]]:
    """Tables of what each model and each prompt cost, where there are several of both."""
    cells = summary["cells"]
    several = {name: dict.fromkeys(_of(cell, name) for cell in cells) for name in ("model", "prompt", "params")}
    if sum(len(names) > 1 for names in several.values()) < 2:
        return []
    titles = {"model": "By model", "prompt": "By prompt", "params": "By parameters"}
    return [
        (titles[name], _summed(cells, name, titles[name].removeprefix("By ").capitalize()))
        for name, found in several.items()
        if len(found) > 1
    ]


def _summed(cells: Sequence[Cell], by: str, head: str) -> Grid:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(_of(cell, by), []).append(cell)
    whole = _dollars(cells, "cost_usd")
    return Grid(
        caption="The answers' own cost, without judges",
        columns=(
            Column(head),
            *(Column(text, True) for text in ("Jobs", "Cost", "Share", "Retries", "Wasted")),
        ),
        rows=tuple(
            (
                Entry(name, kind="head"),
                Entry(numbers.count(sum(cell["n"] for cell in group)), kind="number"),
                Entry(numbers.usd(usd), kind="strong"),
                Entry(_share(usd, whole), kind="number"),
                Entry(numbers.count(sum(cell["retries"] for cell in group)), kind="number"),
                Entry(numbers.usd(_dollars(group, "wasted_usd")), kind="number"),
            )
            for name, group in groups.items()
            for usd in [_dollars(group, "cost_usd")]
        ),
    )


def _outputs(classes: Mapping[str, Decimal], tokens: Mapping[str, int | None]) -> list[Part]:
    if "output" not in classes:
        return []
    thought = classes.get("thinking", _NONE)
    if not thought:
        return [Part("Output", classes["output"], tokens=tokens["output"])]
    output, thinking = tokens["output"], tokens["thinking"]
    said = None if output is None or thinking is None else output - thinking
    return [
        Part("Output without thinking", classes["output"] - thought, tokens=said),
        Part("Thinking", thought, tokens=thinking),
    ]


def _bar(part: Part, whole: Decimal) -> Spec:
    share = _share(part.usd, whole)
    return {
        "part": part.name,
        "tone": part.tone,
        "amount": float(part.usd),
        "cost text": numbers.usd(part.usd),
        "share text": share,
        "label": f"{part.name} · {numbers.usd(part.usd)} · {share}",
    }


def _row(name: str, usd: Decimal, whole: Decimal, tokens: str) -> tuple[Entry, ...]:
    return (
        Entry(name, kind="head"),
        Entry(numbers.usd(usd), kind="strong"),
        Entry(_share(usd, whole), kind="number"),
        Entry(tokens, kind="number"),
    )


def _of(cell: Cell, name: str) -> str:
    return params_text(cell.get("params")) if name == "params" else str(cell[name])


def _share(usd: Decimal | None, whole: Decimal | None) -> str:
    return numbers.UNKNOWN if usd is None or not whole else numbers.metric(float(usd / whole), share=True)


def _dollars(cells: Sequence[Cell], name: str) -> Decimal | None:
    known = [Decimal(cell[name]) for cell in cells if cell[name] is not None]
    return sum(known, _NONE) if known else None


def _money(usd: str | None) -> Entry:
    return Entry(numbers.usd(usd), kind="number")


def _rest(cell: Cell) -> Decimal | None:
    return None if cell["other_usd"] is None else _but_rounding(Decimal(cell["other_usd"]), cell["n"])


def _but_rounding(usd: Decimal, jobs: int) -> Decimal:
    """Return 0 for what is left where each job's cost was rounded to twelve places, as very fine prices need."""
    return _NONE if abs(usd) <= _ROUNDING * jobs else usd
