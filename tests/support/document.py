"""A page read as a document: its elements, and what every page must keep to."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "input", "line", "circle"}


class Document(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "caption": []}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.texts:
            self.texts[self._open[-1]][-1] += data

    def shape(self) -> Counter[tuple[str, ...]]:
        return Counter((tag, *attrs) for tag, attrs in self.elements)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def check_accessible(document: Document) -> None:
    """Headings in order, tables with captions and scopes, fields with labels, charts with words, unique ids."""
    assert document.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in document.all("th"))
    assert len(document.all("caption")) == len(document.all("table"))
    labelled = {attrs["for"] for attrs in document.all("label")}
    assert {attrs["id"] for tag in ("select", "input") for attrs in document.all(tag)} == labelled
    charts = [attrs for attrs in document.all("div") if attrs.get("class") == "chart"]
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)
    ids = [attrs["id"] for _, attrs in document.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def check_policy(page: str) -> None:
    """The policy comes first and allows exactly the page's own code."""
    document = Document(page)
    tags = [tag for tag, _ in document.elements]
    first = document.elements[tags.index("head") + 1]
    assert first[1].get("http-equiv") == "Content-Security-Policy"
    told = first[1]["content"] or ""
    kinds = [attrs.get("type") for attrs in document.all("script")]
    code = [text for text, kind in zip(document.texts["script"], kinds, strict=True) if kind is None]
    for directive, texts in (("script-src", code), ("style-src", document.texts["style"])):
        allowed = re.search(rf"{directive} ([^;]+)", told)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert allowed is not None
        assert allowed[1].split() == ([f"'sha256-{digest}'" for digest in digests] or ["'none'"])
    assert "default-src 'none'" in told
    assert page.encode().index(b'charset="utf-8"') < 1024
