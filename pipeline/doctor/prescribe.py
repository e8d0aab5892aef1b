"""Puts changes into providers.toml: keys inserted as text, so that comments and everything else stay as they are."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pipeline.core.errors import OutputError, SettingsError
from pipeline.doctor.records import Change

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_changes(path: Path, changes: Sequence[Change], comment: str) -> None:
    """Put `changes` into the file at `path`, made if there is none.

    Raises SettingsError, and leaves the file alone, where it says something else already; OutputError where it
    cannot be written.
    """
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.tmp")
    try:
        source = target.read_bytes().decode("utf-8") if target.exists() else ""
        edited = edit(source, changes, comment, path)
        try:
            fresh.write_bytes(edited.encode("utf-8"))
            if target.exists():
                shutil.copymode(target, fresh)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8: {error}") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def edit(source: str, changes: Sequence[Change], comment: str, path: Path) -> str:
    """Return `source` with `changes`; SettingsError where a key has another value already, or no place is safe."""
    edited = source
    for change in changes:
        edited = _edit_one(edited, change, comment, path)
    return edited


def toml_lines(change: Change, *, header: bool = True) -> list[str]:
    """Write one change as TOML."""
    lines = [f"{_key(name)} = {_value(value)}" for name, value in change.values.items()]
    return [_header(change.table), *lines] if header else lines


def _edit_one(source: str, change: Change, comment: str, path: Path) -> str:
    before = _parsed(source, path)
    present = _table_at(before, change.table)
    if present is None or any(present.get(name, value) != value for name, value in change.values.items()):
        raise SettingsError(_advice(change, path, "says something else there already"))
    missing = Change(
        table=change.table, values={name: value for name, value in change.values.items() if name not in present}
    )
    if not missing.values:
        return source
    newline = "\r\n" if "\r\n" in source else "\n"
    edited = _inserted(source, missing, comment, newline)
    # The text is taken for lines; whether that was right, the parser says.
    if _try_parse(edited) != _merged(before, missing):
        raise SettingsError(_advice(change, path, "has no place where the keys could be put safely"))
    return edited


def _inserted(source: str, change: Change, comment: str, newline: str) -> str:
    lines = source.splitlines(keepends=True)
    place = next((number for number, line in enumerate(lines, 1) if _header_of(line) == change.table), None)
    if place is not None:
        new = [f"# {comment}", *toml_lines(change, header=False)]
        head = lines[place - 1]
        lines[place - 1] = head if head.endswith("\n") else head + newline
        return "".join([*lines[:place], *(line + newline for line in new), *lines[place:]])
    gap = "" if not source else newline if source.endswith("\n") else newline * 2
    return source + gap + "".join(line + newline for line in (f"# {comment}", *toml_lines(change)))


def _header_of(line: str) -> tuple[str, ...] | None:
    """The path of a `[table]` line."""
    stripped = line.strip()
    if not stripped.startswith("[") or stripped.startswith("[["):
        return None
    value: Any = _try_parse(stripped)
    parts: list[str] = []
    while isinstance(value, dict) and len(value) == 1:
        ((name, value),) = value.items()
        parts.append(name)
    return tuple(parts) if value == {} else None


def _table_at(document: Mapping[str, Any], table: tuple[str, ...]) -> Mapping[str, Any] | None:
    """What the table holds; empty where it is not there, None where something else is."""
    value: Any = document
    for name in table:
        value = value.get(name, {})
        if not isinstance(value, Mapping):
            return None
    return value if isinstance(value, Mapping) else None


def _merged(document: dict[str, Any], change: Change) -> dict[str, Any]:
    merged = deepcopy(document)
    table = merged
    for name in change.table:
        table = table.setdefault(name, {})
    table.update(change.values)
    return merged


def _parsed(source: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def _try_parse(source: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError:
        return None


def _advice(change: Change, path: Path, why: str) -> str:
    lines = "\n".join(f"    {line}" for line in toml_lines(change))
    return f"{path}: {why}; it was left as it is. Put this into it yourself:\n{lines}"


def _header(table: Sequence[str]) -> str:
    return f"[{'.'.join(_key(name) for name in table)}]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
