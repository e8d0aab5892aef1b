"""Computes the contrast of every text of a page as it is drawn, those of charts included (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

WEAK = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const parsed = (text) => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(one);
    return chain.reduce((ground, one) => over(parsed(getComputedStyle(one).backgroundColor), ground), [255, 255, 255]);
  };
  const faded = (element) => {
    let left = 1;
    for (let one = element; one; one = one.parentElement) left *= parseFloat(getComputedStyle(one).opacity);
    return left;
  };
  const weak = new Map();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());) {
    const place = text.parentElement;
    if (!text.data.trim() || !place.checkVisibility()) continue;
    if (place.closest("script, style, noscript, .unseen, .skip, :disabled")) continue;
    const style = getComputedStyle(place), drawn = place.namespaceURI.endsWith("svg");
    if (drawn && (style.visibility === "hidden" || faded(place) === 0)) continue; // labels without room
    const ground = behind(place), [r, g, b, a] = parsed(drawn ? style.fill : style.color);
    const inked = over([r, g, b, a * faded(place) * (drawn ? parseFloat(style.fillOpacity) : 1)], ground);
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight) >= 700;
    const enough = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const found = ratio(inked, ground);
    const kind = place.tagName + (place.getAttribute("class") || "");
    if (found < enough) weak.set(kind, [text.data.trim().slice(0, 40), place.outerHTML.slice(0, 80), found]);
  }
  return [...weak.values()];
}"""


def weak_texts(page: Page) -> list[Any]:
    """Visible texts below 4.5 to 1 against what is behind them, or 3 to 1 where they are large; one of each kind."""
    found: list[Any] = page.evaluate(WEAK)
    return found
