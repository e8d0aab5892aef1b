"""What a judge is shown: untrusted text between tags that nobody can guess, without anything that looks like one.

An answer may try to talk to its judge (Shi et al. 2024, "JudgeDeceiver"; arXiv 2504.18333). The tags carry a nonce that
depends on the text itself, so no text can hold its own; a verdict counts only if it brings the nonce back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.core.fingerprint import digest

TAGS = ("task", "candidate", "candidate-a", "candidate-b", "reference", "context")
REMOVED = "[marker removed]"
NONCE_DIGITS = 12
"""So many that nobody finds by trying a text that holds its own nonce, though all that goes into it were known."""
_OWN_TAG = re.compile(r"<\s*/?\s*(?:task|candidate(?:-[ab])?|reference|context)-[0-9a-f]{4,}\s*/?\s*>", re.IGNORECASE)
_CHAT_MARKER = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|\n\n(?:Human|Assistant):(?=\s)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def nonce_of(seed: int, target: Sequence[str], texts: Sequence[str]) -> str:
    """Twelve hexadecimal digits for one judgment: the same for the same seed, answers and texts, and unforeseeable.

    Whoever writes one of `texts` cannot put the nonce into it, since the nonce changes with every letter.
    """
    return digest(["judge nonce", seed, list(target), list(texts)])[:NONCE_DIGITS]


def sanitised(text: str) -> str:
    """`text` without what could pass for our tags or for a chat format's own markers; what goes leaves a note."""
    return _CONTROL.sub("\ufffd", _CHAT_MARKER.sub(REMOVED, _OWN_TAG.sub(REMOVED, text)))


def wrapped(tag: str, text: str, nonce: str) -> str:
    """`text`, sanitised, between the tags of this judgment."""
    return f"<{tag}-{nonce}>\n{sanitised(text)}\n</{tag}-{nonce}>"
