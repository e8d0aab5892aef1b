"""Reads a scorer's options one by one, and refuses those that nobody asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NoReturn
from unicodedata import normalize

from pipeline.core.errors import SettingsError
from pipeline.core.settings import ScorerSettings


class Options:
    """The options of one scorer; each `take` checks the type, `finish` refuses what was not taken."""

    def __init__(self, settings: ScorerSettings, within: str = "") -> None:
        """Read from `settings.options`; `within` names the part of the scorer that they belong to, for messages."""
        self.settings = settings
        self._within = within
        self._values: Mapping[str, Any] = settings.options
        self._known: set[str] = {"expected", "name", "pattern"}

    def refuse(self, problem: str) -> NoReturn:
        """Raise SettingsError, naming the scorer."""
        raise SettingsError(f'scorer "{self.settings.name}" (kind {self.settings.kind}): {self._within}{problem}')

    def need_expected(self) -> None:
        """Refuse a scorer that has no reference to compare with."""
        if not self.settings.expected:
            self.refuse('needs a reference; add expected = "{{ column }}"')

    def no_function(self) -> None:
        """Refuse `function`, which only kind `python` has."""
        if self.settings.function is not None:
            self.refuse('function belongs to kind = "python"; remove it or change the kind')

    def no_pattern(self) -> None:
        """Refuse `pattern`, for kinds that do not look at the text."""
        if self.settings.pattern is not None:
            self.refuse("pattern belongs to kinds that read the answer's text; remove it")

    def take_bool(self, name: str, default: bool) -> bool:
        """Read true or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            self.refuse(f"{name} must be true or false, not {value!r}")
        return value

    def take_text(self, name: str, default: str) -> str:
        """Read a string."""
        value = self._take(name, default)
        if not isinstance(value, str):
            self.refuse(f"{name} must be a text, not {value!r}")
        return value

    def take_texts(self, name: str) -> tuple[str, ...]:
        """Read a list of strings without blanks and repetitions; absent is empty."""
        value = self._take(name, ())
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
            self.refuse(f"{name} must be a list of texts, not {value!r}")
        if not value and name in self._values:
            self.refuse(f"{name} is an empty list; name its texts, or remove it")
        if not all(text.strip() for text in value):
            self.refuse(f"{name} holds an empty text; remove it")
        if len(set(value)) < len(value):
            self.refuse(f"{name} says something twice: {', '.join(value)}")
        return tuple(value)

    def take_choice(self, name: str, choices: Sequence[str]) -> str:
        """Read one of `choices`; absent is the first."""
        value = self._take(name, choices[0])
        if value not in choices:
            self.refuse(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def take_table_or_text(self, name: str) -> Mapping[str, Any] | str:
        """Read a table or a string; neither may be absent or empty."""
        value = self._take(name, None)
        if value is None:
            self.refuse(f"needs {name}, a table or the path of a file")
        if not isinstance(value, Mapping | str) or not value:
            self.refuse(f"{name} must be a table or the path of a file, not {value!r}")
        return value

    def take_value(self, name: str) -> Any:
        """Read whatever stands there, for options that are checked by who takes them; absent is None."""
        return self._take(name, None)

    def take_count(self, name: str, default: int) -> int:
        """Read a whole number that is 0 or more."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.refuse(f"{name} must be a whole number of at least 0, not {value!r}")
        return value

    def take_limit(self, name: str) -> Decimal | None:
        """Read a number that is 0 or more; absent is None."""
        return None if self._take(name, None) is None else self.take_amount(name)

    def take_table(self, name: str) -> Mapping[str, Any]:
        """Read a table; absent is empty."""
        value = self._take(name, {})
        if not isinstance(value, Mapping):
            self.refuse(f"{name} must be a table, not {value!r}")
        return value

    def take_amount(self, name: str) -> Decimal:
        """Read a number that is 0 or more; absent is 0."""
        value = self._take(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.refuse(f"{name} must be a number, not {value!r}")
        amount = Decimal(str(value))
        if not amount.is_finite() or amount < 0:
            self.refuse(f"{name} must be a finite number of at least 0, not {value!r}")
        return amount

    def take_pattern(self) -> re.Pattern[str] | None:
        """Compile `pattern` under the option `flags` (letters of Python's inline flags: a i m s x)."""
        flags = self.take_text("flags", "")
        if strange := set(flags) - set("aimsx"):
            self.refuse(f"flags may hold the letters a, i, m, s, x, not {', '.join(sorted(strange))}")
        pattern = self.settings.pattern
        if pattern is None:
            if flags:
                self.refuse("flags without a pattern; add the pattern or remove the flags")
            return None
        try:
            return re.compile(normalize("NFC", pattern), _flag_bits(flags))
        except re.error as error:
            self.refuse(f"pattern {pattern!r} is not a regular expression: {error}")

    def finish(self) -> None:
        """Refuse the options that no `take` asked for, naming the nearest known one."""
        for name in self._values:
            if name not in self._known:
                near = get_close_matches(name, self._known, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(sorted(self._known))}"
                self.refuse(f'unknown option "{name}"; {hint}')

    def _take(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._values.get(name, default)


def _flag_bits(letters: str) -> int:
    bits = 0
    for letter in letters:
        bits |= getattr(re, letter.upper())
    return bits
