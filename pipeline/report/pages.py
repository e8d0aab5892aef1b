"""Renders pages and documents of runs, comparisons and costs, and puts them in place, each whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.errors import DiskError, OutputError
from pipeline.cost.spending import Ledger
from pipeline.report import contexts
from pipeline.report.cells import Summary
from pipeline.report.compare_page import comparison_context
from pipeline.report.costs_page import Asked, costs_context
from pipeline.report.encode import policy, safe_json
from pipeline.report.isolate import isolated
from pipeline.report.junit import junit
from pipeline.report.markdown import markdown
from pipeline.report.vendored import chart_scripts
from pipeline.report.view import RunView
from pipeline.report.visible import visible

PAGES = (("index.html", "Verdict"), ("quality.html", "Quality"), ("cost.html", "Cost"))
"""The pages of a run with what the links to them say."""
_HERE = Path(__file__).parent
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS})


def render_pages(view: RunView, folder: Path) -> list[Path]:
    """Write `index.html`, `quality.html` and `cost.html` into `folder` and return their paths.

    The pages hold everything they need and load nothing. OutputError or DiskError where the folder cannot be written.
    """
    pages = {
        "index.html": page("index.html.jinja", contexts.overview(view)),
        "quality.html": page("quality.html.jinja", contexts.quality(view), (*charting(), *exploring("embedded"))),
        "cost.html": page("cost.html.jinja", contexts.cost(view), (*charting(), asset("projection.js"))),
    }
    return [_write(folder / name, text) for name, text in pages.items()]


def charting() -> tuple[str, ...]:
    """The scripts of a page with charts."""
    return (*chart_scripts(), asset("charts.js"))


def exploring(source: str) -> tuple[str, ...]:
    """The scripts of the samples explorer; `source` says where its samples are: `embedded` or `served`."""
    return tuple(asset(f"{name}.js") for name in ("words", "parts", "lines", "sample", source, "explorer"))


def render_comparison(found: Mapping[str, Any], path: Path) -> Path:
    """Write what `steps.compare` found as one page that holds everything it needs; raises as `render_pages`."""
    return _write(path, page("compare.html.jinja", comparison_context(found)))


def render_documents(summary: Summary, run: Mapping[str, Any], folder: Path, formats: Collection[str]) -> list[Path]:
    """Write what `formats` names of `report.md` (md) and `junit.xml` (junit) into `folder`; raises as `render_pages`.

    `run` is the run's run.json.
    """
    created_at = run["created_at"]
    written = []
    if "md" in formats:
        text = markdown(summary, description=run["settings"]["description"], created_at=created_at)
        written.append(_write(folder / "report.md", text))
    if "junit" in formats:
        written.append(_write(folder / "junit.xml", junit(summary, created_at=created_at)))
    return written


def render_costs(ledger: Ledger, other: Ledger, asked: Asked, path: Path) -> Path:
    """Write what all runs spent as one page that holds everything it needs; raises as `render_pages`."""
    return _write(path, page("costs.html.jinja", costs_context(ledger, other, asked), charting()))


def page(template: str, context: Mapping[str, Any], scripts: tuple[str, ...] = (), *, served: bool = False) -> str:
    """The text of a page, with its policy: it holds all code that it runs."""
    style = _style()
    return (
        _environment()
        .get_template(template)
        .render(
            **{"pages": PAGES, **context},
            policy=page_policy(scripts, served=served),
            style=Markup(style),  # our own files; no data is in them
            scripts=[Markup(script) for script in scripts],
        )
    )


def page_policy(scripts: tuple[str, ...], *, served: bool = False) -> str:
    """The policy of a page with these scripts; one that is `served` may ask its own server."""
    return policy(scripts, (_style(),), asks_own_server=served)


def _style() -> str:
    return asset("page.css") + asset("explorer.css") + asset("matrix.css")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_block"] = safe_json
    environment.filters["isolated"] = isolated
    return environment


def _finalized(value: Any) -> Any:
    """Make every text that a template prints visible, so that no template can forget it."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def asset(name: str) -> str:
    """One of our own scripts or styles."""
    return (_HERE / "assets" / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        kind = DiskError if error.errno in _DISK_ERRORS else OutputError
        raise kind(
            f"{path}: the page cannot be written: {error.strerror}; free or unlock the folder and run again"
        ) from error
    return path
