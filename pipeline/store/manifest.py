"""Which parts are the results: numbered manifests, each complete and hashed; the newest valid one is the truth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Literal

import orjson

from pipeline.core.errors import OutputError
from pipeline.store.objects import ObjectStore

FOLDER = "manifest"
VERSION = 1
KEPT = 3
State = Literal["running", "complete"]
_FILE = re.compile(r"(\d{8})\.json")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.parquet")
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One immutable file of results and what it holds."""

    file: str
    """A basename in `results/`."""
    rows: int
    bytes: int
    sha256: str
    spent_usd: Decimal
    """What was booked for all attempts of called jobs, or their known costs."""
    shards: Mapping[str, int]
    """Rows per shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Requests that left in a session which ended before their results were stored; never forgotten."""

    requests: int = 0
    usd: Decimal = Decimal(0)
    """What was at stake for them, as far as known."""
    through: int = 0
    """Starts in journal segments up to this number are counted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The state of a run folder at one commit."""

    number: int = 0
    state: State = "running"
    compacted_through: int = 0
    """Journal segments up to this number are in the parts."""
    run_sha256: str | None = None
    """Hash of run.json."""
    unanswered: Unanswered = Unanswered()
    """Of all sessions that have ended."""
    parts: tuple[Part, ...] = ()


def encode(manifest: Manifest) -> bytes:
    """Write a manifest as JSON that holds its own hash."""
    return _hashed(_content(manifest))


def decode(data: bytes) -> Manifest:
    """Read a manifest; ValueError says why it is none. Part names are basenames, so no path leads out of the folder."""
    content = orjson.loads(data)
    try:
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']!r} is not {VERSION}")
        manifest = Manifest(
            number=_count(content["number"]),
            state=_state(content["state"]),
            compacted_through=_count(content["compacted_through"]),
            run_sha256=content["run_sha256"],
            unanswered=_unanswered(content.get("unanswered", {})),
            parts=tuple(_part(part) for part in content["parts"]),
        )
    except (KeyError, TypeError, InvalidOperation, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error
    if len({part.file for part in manifest.parts}) != len(manifest.parts):
        raise ValueError("a part is listed twice")
    expected = _content(manifest)
    if "unanswered" not in content:  # written before these were counted
        del expected["unanswered"]
    if _hashed(expected) != data:
        raise ValueError("its content does not match its hash")
    return manifest


def newest(objects: ObjectStore) -> tuple[Manifest, dict[str, str]]:
    """The newest valid manifest (an empty one numbered 0 if there is none), and why newer ones are not valid."""
    invalid: dict[str, str] = {}
    for number, name in reversed(numbered(objects).items()):
        try:
            manifest = decode(objects.read(name))
            if manifest.number != number:
                raise ValueError(f"it is numbered {manifest.number}")
        except (ValueError, OSError) as error:
            invalid[name] = str(error)
            continue
        return manifest, invalid
    return Manifest(), invalid


def commit(objects: ObjectStore, manifest: Manifest) -> None:
    """Make `manifest` the truth, durably, and drop all but the last three; OutputError if its number is taken."""
    if not objects.put_if_absent(f"{FOLDER}/{manifest.number:08d}.json", encode(manifest)):
        raise OutputError(
            f"manifest {manifest.number} exists already: another process writes to this run; run again to continue"
        )
    for number, name in numbered(objects).items():
        if number <= manifest.number - KEPT:
            objects.remove(name)


def numbered(objects: ObjectStore) -> dict[int, str]:
    """Names of all manifest files by number, ascending; valid or not."""
    names = ((_FILE.fullmatch(name.rpartition("/")[2]), name) for name in objects.names(f"{FOLDER}/"))
    return {int(match[1]): name for match, name in names if match}


def _content(manifest: Manifest) -> dict[str, Any]:
    unanswered = manifest.unanswered
    return {
        "version": VERSION,
        "number": manifest.number,
        "state": manifest.state,
        "compacted_through": manifest.compacted_through,
        "run_sha256": manifest.run_sha256,
        "unanswered": {
            "requests": unanswered.requests,
            "usd": str(unanswered.usd),
            "through": unanswered.through,
        },
        "parts": [_plain(part) for part in manifest.parts],
    }


def _hashed(content: dict[str, Any]) -> bytes:
    digest = sha256(orjson.dumps(content, option=_OPTIONS)).hexdigest()
    return orjson.dumps({**content, "sha256": digest}, option=_OPTIONS)


def _plain(part: Part) -> dict[str, Any]:
    return {
        "file": part.file,
        "rows": part.rows,
        "bytes": part.bytes,
        "sha256": part.sha256,
        "spent_usd": str(part.spent_usd),
        "shards": dict(part.shards),
    }


def _part(content: Mapping[str, Any]) -> Part:
    file = content["file"]
    if not _PART.fullmatch(file):
        raise ValueError(f"a part's file must be a plain name, not {file!r}")
    return Part(
        file=file,
        rows=_count(content["rows"]),
        bytes=_count(content["bytes"]),
        sha256=content["sha256"],
        spent_usd=Decimal(content["spent_usd"]),
        shards={shard: _count(rows) for shard, rows in content["shards"].items()},
    )


def _unanswered(content: Mapping[str, Any]) -> Unanswered:
    if not content:
        return Unanswered()
    usd = Decimal(content["usd"])
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"not an amount of money: {usd}")
    return Unanswered(requests=_count(content["requests"]), usd=usd, through=_count(content["through"]))


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"not a count: {value!r}")
    return value


def _state(value: Any) -> State:
    if value == "complete":
        return "complete"
    if value == "running":
        return "running"
    raise ValueError(f"unknown state {value!r}")
