"""Takes the pictures of the README: runs example evaluations on the simulator and opens their pages in Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = Path(__file__).parent / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
EXAMPLES = ("arithmetic", "sentiment-ko", "extract-json", "cached-prefix", "judged")
MOST_HEIGHT = 1500
UNDRAWN = ".plot:not([data-drawn]), #explorer:not([data-ready])"
WIDTH = 1180


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: a page, from one of its headings on."""

    name: str
    page: str
    """Below the folder of runs; `*` stands for the run id."""
    start: str | None = None
    """A CSS selector; the picture begins there instead of at the top of the page."""
    end: str | None = None
    """The picture ends before it."""
    click: str | None = None
    """What is opened first."""
    height: int = 900
    scheme: str = "light"
    width: int = WIDTH


PICTURES = (
    Picture(name="report-index", page="arithmetic/*/index.html"),
    Picture(name="report-quality", page="arithmetic/*/quality.html", height=1200),
    Picture(name="report-pairs", page="arithmetic/*/quality.html", start="#pairs"),
    Picture(name="report-samples", page="arithmetic/*/quality.html", start="#samples", height=760),
    Picture(name="report-sample", page="arithmetic/*/quality.html", start="#sample", click=".open", height=1000),
    Picture(name="report-cost", page="cached-prefix/*/cost.html", height=1200),
    Picture(name="report-frontier", page="arithmetic/*/cost.html", start="#frontier", height=760),
    Picture(name="report-judges", page="judged/*/quality.html", start="#judges-1", height=760),
    Picture(name="report-korean", page="sentiment-ko/*/index.html"),
    Picture(name="report-phone", page="arithmetic/*/index.html", width=390, height=844, scheme="dark"),
    Picture(name="compare", page="compare.html"),
    Picture(name="costs", page="costs.html"),
    Picture(name="view", page="/"),
)
"""What a page does not have (no judges, one cell) fails loudly: the examples are chosen to have it."""


def main() -> None:
    """Write the pictures named on the command line, or all."""
    wanted = set(sys.argv[1:]) or {picture.name for picture in PICTURES}
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        _run_examples(Path(place))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with _serving(Path(place)) as address:
            for picture in PICTURES:
                if picture.name in wanted:
                    _take(browser, picture, _target(Path(place) / "reports", address, picture.page))
        browser.close()


def _run_examples(place: Path) -> None:
    """All in `place`, so that the pages name no other folder."""
    for name in ("prompts", "datasets"):
        shutil.copytree(ROOT / name, place / name)
    for example in EXAMPLES:
        _evalmill(place, "run", f"prompts/{example}", "--reports", "reports")
    template = place / "prompts" / "arithmetic" / "brief.jinja"
    template.write_text(template.read_text().replace("{% enduser %}", " Check your answer.{% enduser %}"))
    _evalmill(place, "run", "prompts/arithmetic", "--reports", "reports")
    runs = [path.relative_to(place) for path in sorted((place / "reports" / "arithmetic").iterdir())]
    _evalmill(place, "compare", *runs, "--out", "reports/compare.html")
    _evalmill(place, "costs", "reports", "--html", "reports/costs.html", "--simulated")


def _evalmill(place: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    done = subprocess.run(command, cwd=place, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 2):
        sys.exit(f"{' '.join(command)}: {done.stderr}")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def _serving(place: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "pipeline.cli", "view", "reports", "--no-open"]
    server = subprocess.Popen(command, cwd=place, env=_environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        yield line[line.index("http") :].split()[0].rstrip("/")
    finally:
        server.terminate()
        server.wait(timeout=10)


def _target(reports: Path, address: str, page: str) -> str:
    if page.startswith("/"):
        return address + page
    return min(reports.glob(page)).as_uri()  # the first run of an example reuses nothing


def _take(browser: Browser, picture: Picture, target: str) -> None:
    page = browser.new_page(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,  # type: ignore[arg-type]
    )
    page.goto(target)
    page.wait_for_function(f"document.querySelector({UNDRAWN!r}) === null")
    if picture.click is not None:
        page.locator(picture.click).first.click()
    page.screenshot(path=IMAGES / f"{picture.name}.png", full_page=True, clip=_clip(page, picture))
    page.close()
    print(IMAGES.name + f"/{picture.name}.png")


def _clip(page: Page, picture: Picture) -> dict[str, float]:
    top = 0.0 if picture.start is None else _top(page, picture.start) - 12
    bottom = top + picture.height if picture.end is None else _top(page, picture.end) - 24
    whole = page.evaluate("document.documentElement.scrollHeight")
    return {"x": 0, "y": top, "width": picture.width, "height": min(bottom, top + MOST_HEIGHT, whole) - top}


def _top(page: Page, selector: str) -> float:
    return float(page.locator(selector).first.evaluate("(one) => one.getBoundingClientRect().top + window.scrollY"))


if __name__ == "__main__":
    main()
