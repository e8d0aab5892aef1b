"""Reads pages and documents as lines: sentences and lines of tables, each with the names in it; and charts' numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

NAMING = ("name", "short", "model", "series", "reason", "percentile", "right", "left", "above", "below")
"""Fields that hold names."""
SPACE = re.compile(r"[\s\u00a0\u202f]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of a page: a sentence, or a line of a table with the names in it."""

    text: str
    names: tuple[str, ...] = ()


class _Lines(HTMLParser):
    """The sentences and table lines of a page, its charts' words and data."""

    BLOCKS = frozenset(
        ("p", "li", "dt", "dd", "h1", "h2", "h3", "h4", "caption", "summary", "div", "section", "label", "legend")
    )
    SKIPPED = frozenset(("style", "footer", "header", "form", "template", "option"))

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self._text: list[str] = []
        self._names: list[str] = []
        self._name_from: int | None = None
        self._skipping = 0
        self._row = False
        self._script = ""
        self.feed(page)
        self.close()
        self._flush()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        classes = (known.get("class") or "").split()
        if tag in self.SKIPPED or "changes" in classes:
            self._skipping += 1
        if known.get("role") == "img" and known.get("aria-label"):
            self.lines.append(Line(str(known["aria-label"])))
        if tag == "script":
            self._script = known.get("id") or "code"
        if tag == "tr":
            self._flush()
            self._row = True
        elif self._row and tag in ("th", "td"):
            self._text.append(" ¦ ")
            if (tag == "th" and known.get("scope") == "row") or "name" in classes:
                self._name_from = len(self._text)
        elif tag in self.BLOCKS and not self._row:
            self._flush()
        else:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SKIPPED:
            self._skipping -= 1
        if tag == "script":
            self._script = ""
        if tag in ("th", "td") and self._name_from is not None:
            self._names.append("".join(self._text[self._name_from :]).strip())
            self._name_from = None
        if tag == "tr":
            self._flush()
            self._row = False
        elif tag in self.BLOCKS and not self._row:
            self._flush()

    def handle_data(self, data: str) -> None:
        if self._script.startswith("spec-"):
            self.lines += chart_lines(json.loads(data))
        elif not self._script and not self._skipping:
            self._text.append(data)

    def _flush(self) -> None:
        text = SPACE.sub(" ", "".join(self._text)).strip(" ¦")
        if text:
            self.lines.append(Line(text, tuple(self._names)))
        self._text, self._names = [], []


def page_lines(page: str) -> list[Line]:
    """What an HTML page says."""
    return _Lines(page).lines


def chart_rows(spec: Any) -> Iterator[Mapping[str, Any]]:
    """The rows of data of a chart, wherever in it they stand."""
    if isinstance(spec, list):
        for part in spec:
            yield from chart_rows(part)
    elif isinstance(spec, Mapping):
        values = spec["data"].get("values") if isinstance(spec.get("data"), Mapping) else None
        yield from (row for row in values or () if isinstance(row, Mapping))
        yield from chart_rows([part for name, part in spec.items() if name not in ("data", "encoding")])


def chart_lines(spec: Mapping[str, Any]) -> Iterator[Line]:
    """The texts of a chart's rows; their numbers are looked at by `chart_numbers`."""
    for row in chart_rows(spec):
        texts = [value for name, value in row.items() if isinstance(value, str) and name not in NAMING]
        yield Line(" ¦ ".join(texts), (str(row["name"]),) if "name" in row else ())


def chart_numbers(page: str) -> Iterator[tuple[str, str, float]]:
    """Chart, field and value of every number that is drawn."""
    for name, text in re.findall(r'<script type="application/json" id="(spec-[^"]*)">(.*?)</script>', page, re.S):
        for row in chart_rows(json.loads(text)):
            yield from (
                (name, key, float(value))
                for key, value in row.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            )


def markdown_lines(text: str) -> list[Line]:
    """What a Markdown document says; names stand as code."""
    lines = []
    for line in text.splitlines():
        plain = re.sub(r"\\(.)", r"\1", line).replace("\N{WORD JOINER}", "")
        names = re.findall(r"`+ ?(.*?) ?`+", plain) if line.startswith("|") else []
        lines.append(Line(plain.replace("`", ""), tuple(names)))
    return lines


def xml_lines(text: str) -> list[Line]:
    """What an XML document says: its texts and attributes."""
    unread = ("id", "timestamp", "time")
    return [
        Line(said)
        for element in ET.fromstring(text).iter()
        for said in (element.text or "", *(value for name, value in element.items() if name not in unread))
    ]
