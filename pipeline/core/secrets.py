"""Keys: read from the environment, held so that they are never shown, scrubbed from everything written."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from pipeline.core.errors import SettingsError

_KEY_CHARACTERS = re.compile(r"[\x21-\x7e]+")
_MASK = "***"
_PATTERNS = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}"
    r"|AIza[0-9A-Za-z_-]{30,}"
    r"|hf_[A-Za-z0-9]{30,}"
    r"|ghp_[A-Za-z0-9]{30,}"
    r"|AKIA[0-9A-Z]{16}"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{12,}=*"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)


class Secret:
    """A key that does not print, pickle or compare by accident; `reveal` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold `value`."""
        self._value = value

    def reveal(self) -> str:
        """The key itself; for the transport alone, at send time."""
        return self._value

    def __repr__(self) -> str:
        """Never the key."""
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a Secret is not pickled; pass the name of its environment variable instead")


def load_key(variable: str, environment: Mapping[str, str]) -> Secret:
    """Read the key from `variable`, or from the file that `variable`_FILE names.

    Raises SettingsError (exit 78) naming the variable, never the key.
    """
    raw = environment.get(variable)
    if raw is None and (path := environment.get(f"{variable}_FILE")):
        raw = _read_key_file(variable, path)
    if raw is None:
        raise SettingsError(
            f"no key: set the environment variable {variable} (or {variable}_FILE to a file that holds it)"
        )
    key = raw.strip()
    if not key:
        raise SettingsError(f"the environment variable {variable} is empty; set it to the provider's key")
    if not _KEY_CHARACTERS.fullmatch(key):
        raise SettingsError(f"the key in {variable} holds white space or characters outside ASCII; copy it again")
    return Secret(key)


def _read_key_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}_FILE names {path}, which cannot be read: {error}") from error


class Scrubber:
    """Takes keys out of text: those it knows, in any usual encoding, and whatever looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """Know `secrets` by heart."""
        forms: set[str] = set()
        for secret in secrets:
            key = secret.reveal()
            forms |= {key, quote(key, safe=""), base64.b64encode(key.encode()).decode()}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def scrub(self, text: str) -> str:
        """Mask keys in text that we write ourselves: errors, logs, settings."""
        return _PATTERNS.sub(_MASK, self.scrub_known(text))

    def scrub_known(self, text: str) -> str:
        """Mask only our own keys; for model text, which is data and otherwise kept byte for byte."""
        for form in self._forms:
            if form in text:  # a search is ten times as fast as a pattern, and nearly every text is clean
                text = text.replace(form, _MASK)
        return text
