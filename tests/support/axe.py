"""axe-core, which tells what in a page keeps people out: names, roles, contrast, keyboard, structure."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[1] / "vendor" / "axe-core"
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations", "incomplete"] });
  const told = (rule) => rule.nodes.map((node) => ({
    rule: rule.id, impact: rule.impact, where: node.target.join(" "), html: node.html.slice(0, 160),
    why: [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; "),
  }));
  return { violations: found.violations.flatMap(told), unsure: found.incomplete.flatMap(told) };
}"""


@cache
def _source() -> str:
    return (FOLDER / "axe.min.js").read_text(encoding="utf-8")


def audit(page: Page) -> dict[str, list[dict[str, Any]]]:
    """What is wrong with the page as it stands (`violations`), and what a person has to look at (`unsure`).

    The code enters through the debugger, which the page's policy does not bind; every rule of axe-core is asked.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {_source()} }}")
    found: dict[str, list[dict[str, Any]]] = page.evaluate(RUN)
    return found
