"""Fingerprints: stable hashes of canonical JSON, for jobs, rows and settings."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from pipeline.core.records import Request

VERSION = 1
"""Part of every fingerprint; raised when the meaning of a hash changes."""

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def canonical_json(value: Any) -> bytes:
    """Serialise `value` with sorted keys and no white space; Decimals as strings, other objects refused."""
    return orjson.dumps(value, default=_plain, option=_CANONICAL)


def digest(value: Any) -> str:
    """Hash canonical JSON to 32 hexadecimal digits (blake2b, 128 bits)."""
    return blake2b(canonical_json(value), digest_size=16).hexdigest()


def request_fingerprint(request: Request, identity: Mapping[str, Any]) -> str:
    """Hash everything that can change the answer.

    How it is delivered (`stream`) does not. `identity` names who answers: protocol, base_url (for the simulator
    profile and seed), model. Never the key.
    """
    params = {name: value for name, value in request.params.items() if name != "stream"}
    return digest([VERSION, identity, request.system, request.messages, params])


def job_id(asked: str, *, row_id: str, prompt: str, model: str, params: str, repeat: int) -> str:
    """Name a job by its place in the plan: known before anything is rendered, and never by the row's position.

    `asked` is the digest of who answers, the template and the parameters (`asked_digest`). What the row's own
    columns or files say is in the fingerprint, not in the name: within a run a place has one result.
    """
    return digest([VERSION, asked, row_id, prompt, model, params, repeat])


def asked_digest(identity: Mapping[str, Any], template: str, params: Mapping[str, Any]) -> str:
    """Hash what the settings ask of every row: who answers, the template's source, the parameters."""
    return digest([VERSION, identity, template, {name: value for name, value in params.items() if name != "stream"}])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"cannot fingerprint a {type(value).__name__}")
