"""TOML text to checked tables: every mistake with its file, its line and what to do."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.config.locate import line_of
from pipeline.core.errors import SettingsError

T = TypeVar("T", bound=BaseModel)


def read_text(path: Path) -> str:
    """The text of a settings file; SettingsError where there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path}:{line}: is not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8, "
            "for example with `iconv -f windows-1252 -t utf-8`"
        ) from None


def parse(source: str, path: Path, shape: type[T]) -> T:
    """Parse and check `source`; raises SettingsError with all mistakes, each with its line."""
    try:
        data = tomllib.loads(source, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        lines = [_sentence(mistake, source, path, shape) for mistake in error.errors(include_url=False)]
        raise SettingsError("\n".join(lines)) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """A suggestion in words, or nothing."""
    match = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def _sentence(mistake: Any, source: str, path: Path, shape: type[BaseModel]) -> str:
    location = tuple(mistake["loc"])
    meant = _look_alike(mistake, shape)
    line = line_of(source, location if meant is None else (*location[:-1], meant))
    place = f"{path}:{line}" if line else f"{path}"
    dotted = _dotted(location)
    if mistake["type"] == "extra_forbidden":
        known = _known_keys(shape, location[:-1])
        hint = nearest(str(location[-1]), known) or f"; known here: {', '.join(sorted(known))}"
        return f"{place}: unknown key {dotted!r}{hint}"
    if mistake["type"] == "missing":
        return f"{place}: {dotted!r} is missing" + (f"; is {meant!r} meant for it?" if meant else "")
    if advice := _advice(mistake["type"], location):
        return f"{place}: {dotted!r}: {advice}, found {_short(mistake['input'])}"
    return f"{place}: {dotted!r}: {_lowered(mistake['msg'])}, found {_short(mistake['input'])}"


def _look_alike(mistake: Any, shape: type[BaseModel]) -> str | None:
    """The key that seems to stand for a missing one, in a table whose other keys nobody checks here."""
    *table, name = mistake["loc"]
    model = _table_at(shape, tuple(table))
    if mistake["type"] != "missing" or model is None or model.model_config.get("extra") != "allow":
        return None
    own = [key for key in mistake["input"] if key not in model.model_fields]
    return next(iter(difflib.get_close_matches(str(name), own, n=1)), None)


_ADVICE = {
    "id": "write it as provider/model, such as apimart/claude-sonnet-4-5-20250929",
    "base_url": "write the whole address, beginning with http:// or https://",
    "name": "write a name that is not blank",
    "key_env": "write the name of an environment variable",
    "function": "write it as module:function",
}


def _advice(kind: str, location: tuple[str | int, ...]) -> str | None:
    """What to write instead, where the checker's own words would show its insides."""
    if kind == "string_pattern_mismatch":
        return _ADVICE.get(str(location[-1]))
    if kind == "is_instance_of":
        return "write a number such as 3.00"
    return None


def _dotted(location: tuple[str | int, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _known_keys(shape: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    model = _table_at(shape, location)
    return [] if model is None else list(model.model_fields)


def _table_at(shape: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model at `location`, found by walking the annotations."""
    current: Any = shape
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = _inner_model(current.model_fields[str(part)].annotation)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (inner := _inner_model(argument)) is not None:
            return inner
    return None


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _short(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
