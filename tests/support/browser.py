"""The system's Chromium, and pages watched for what they should not say or ask."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
DEAD_CONTROL = "EVALMILL_TEST_DEAD_CONTROL"
"""Names a control (see tests/flows/test_controls.py) that pages do not hear of, to see its test fail."""
_DEAF = """((control) => {
  const [kind, words] = control.split(": "), key = kind.startsWith("key ") && kind.slice(4);
  const keys = { "↑": "ArrowUp", "↓": "ArrowDown", "←": "ArrowLeft", "→": "ArrowRight", Esc: "Escape" };
  const name = (one) => (one.getAttribute("href") || one.textContent).replace(/\\d+/g, "N");
  const meant = (event) => {
    if (key) return event.key === (keys[key] || key);
    const one = event.target.closest && event.target.closest(kind);
    return one && (!words || name(one).startsWith(words));
  };
  for (const name of ["click", "input", "change", "keydown"]) {
    addEventListener(name, (event) => {
      if (!meant(event)) return;
      if (!key && name === "keydown" && event.key !== "Enter") return;
      if (!key && event.target.matches("select, input:not([type=checkbox])")) event.target.value = "";
      event.stopImmediatePropagation();
      event.preventDefault();
    }, { capture: true });
  }
})"""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Headless Chromium; skips the test without it, except in CI, which must have it."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail("no Chromium, which CI must have")
        pytest.skip("no Chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Watched:
    """One open page, and everything that it should not have said or asked for."""

    def __init__(self, browser: Browser, target: Path | str, *, width: int = 1280, scheme: str = "light") -> None:
        """Open a file, or an address: of a file, or of a local server."""
        self.complaints: list[str] = []
        address = target.as_uri() if isinstance(target, Path) else target
        self._own = "file:" if address.startswith("file:") else "/".join(address.split("/")[:3]) + "/"
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))
        self.page.on("request", self._request)
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective))"
        )
        if control := os.environ.get(DEAD_CONTROL):
            self.page.add_init_script(f"{_DEAF}({json.dumps(control)})")
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until charts are drawn and samples are listed."""
        expect(self.page.locator(".plot:not([data-drawn])")).to_have_count(0)
        expect(self.page.locator("#explorer:not([data-ready])")).to_have_count(0)

    def _request(self, request: object) -> None:
        url: str = request.url  # type: ignore[attr-defined]
        if not url.startswith(self._own) or (self._own == "file:" and not url.endswith(".html")):
            self.complaints.append(f"request: {url}")

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()
