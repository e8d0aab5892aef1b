"""Keeps names in right-to-left scripts from carrying the words and figures around them along."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from pipeline.report.visible import visible

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_WORD = rf"[{_RIGHT_TO_LEFT}][{_RIGHT_TO_LEFT}\w]*"
_RUN = re.compile(rf"{_WORD}(?:[-_./:+]+[{_RIGHT_TO_LEFT}\w]+|\s+{_WORD})*")


def isolated(text: str) -> Markup:
    """Make a sentence safe and visible, with right-to-left text in elements that keep its order to themselves.

    Without it, `X (83.9 %)` with an Arabic or Hebrew name X reads `(% 83.9) X` (Unicode Annex 9, section 2.7).
    """
    shown = visible(text)
    parts, end = [], 0
    for run in _RUN.finditer(shown):
        parts += [escape(shown[end : run.start()]), Markup("<bdi>"), escape(run.group()), Markup("</bdi>")]
        end = run.end()
    return Markup("").join([*parts, escape(shown[end:])])
