"""The dialects: what each played provider demands, how its errors look, which headers it sends (protocol 0, 1, 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.simulator.asking import Refused

ErrorShape = Callable[[Refused, str], dict[str, Any]]
"""Makes an error body of a refusal and a request id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One provider's habits."""

    name: str
    error_shape: ErrorShape
    request_id_header: str
    outage_statuses: tuple[int, int]
    """The two statuses of its seeded failures."""
    version_required: bool = False
    strict: bool = False
    """Refuses unknown fields and unknown beta names, as the original does."""
    full_usage: bool = False
    """Reports every usage field; gateways give input_tokens and output_tokens only."""
    stop_sequence_shown: bool = True
    wrapped: bool = False
    """Puts answers into `{"code": 200, "data": ...}`."""
    zero_max_tokens: bool = False
    """Takes `max_tokens: 0` (cache pre-warm)."""
    most_stop_sequences: int | None = None
    image_urls: bool = True
    anthropic_model_list: bool = False
    anthropic_prefix: bool = False
    """Serves Messages under /anthropic too."""
    extra_headers: Mapping[str, str]


def _anthropic_error(refused: Refused, request_id: str) -> dict[str, Any]:
    kind = _ANTHROPIC_TYPES.get(refused.status, "api_error" if refused.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refused.message}, "request_id": request_id}


def _apimart_error(refused: Refused, request_id: str) -> dict[str, Any]:
    kind = _APIMART_TYPES.get(refused.status, "server_error" if refused.status >= 500 else "invalid_request_error")
    return {"error": {"code": refused.status, "message": refused.message, "type": kind}}


def _ofox_error(refused: Refused, request_id: str) -> dict[str, Any]:
    kind, code = _OFOX_TYPES.get(
        refused.status, _OFOX_TYPES[500] if refused.status >= 500 else ("invalid_request_error", "invalid_request")
    )
    return {"error": {"code": code, "message": refused.message, "type": kind}}


def _openai_error(refused: Refused, request_id: str) -> dict[str, Any]:
    kind, code = _OPENAI_TYPES.get(
        refused.status, ("server_error", None) if refused.status >= 500 else ("invalid_request_error", None)
    )
    param = refused.message.split(":", 1)[0] if refused.status == 400 and ": " in refused.message else None
    return {"error": {"message": refused.message, "type": kind, "param": param, "code": refused.code or code}}


_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_APIMART_TYPES = {
    401: "authentication_error",
    402: "payment_required",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    502: "bad_gateway",
    503: "service_unavailable",
}
_OFOX_TYPES = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "permission_denied"),
    404: ("not_found_error", "not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("internal_error", "internal_error"),
    502: ("upstream_error", "upstream_error"),
    503: ("service_unavailable", "service_unavailable"),
}
_OPENAI_TYPES = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", "server_error"),
    503: ("server_error", "server_is_overloaded"),
}

_MESSAGES = {
    400: "The request was refused.",
    401: "invalid x-api-key",
    402: "Your credit balance is too low.",
    403: "Your key may not use this resource.",
    404: "Not found",
    408: "Request timeout",
    409: "The request conflicts with another one.",
    413: "Request exceeds the maximum size",
    422: "The request could not be processed.",
    429: "Rate limit exceeded; retry after {retry_after}s",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "The request timed out",
    524: "The origin took too long to answer",
    529: "Overloaded",
}


def status_message(status: int, retry_after: str) -> str:
    """Say what a fault of `status` says."""
    return _MESSAGES.get(status, f"Error {status}").format(retry_after=retry_after)


_BOTH_APIMART: dict[str, Any] = {
    "error_shape": _apimart_error,
    "request_id_header": "x-oneapi-request-id",
    "outage_statuses": (500, 503),
    "most_stop_sequences": 4,
    "extra_headers": {"server": "cloudflare"},
}
_ALL = (
    Profile(
        name="anthropic",
        error_shape=_anthropic_error,
        request_id_header="request-id",
        outage_statuses=(500, 529),
        version_required=True,
        strict=True,
        full_usage=True,
        zero_max_tokens=True,
        anthropic_model_list=True,
        extra_headers={"anthropic-organization-id": "51mu1a7e-0000-4000-8000-000000000000"},
    ),
    Profile(name="apimart-wrapped", wrapped=True, **_BOTH_APIMART),
    Profile(name="apimart", **_BOTH_APIMART),
    Profile(
        name="ofox",
        error_shape=_ofox_error,
        request_id_header="x-request-id",
        outage_statuses=(500, 503),
        stop_sequence_shown=False,
        image_urls=False,
        anthropic_prefix=True,
        extra_headers={},
    ),
    Profile(
        name="openai",
        error_shape=_openai_error,
        request_id_header="x-request-id",
        outage_statuses=(500, 503),
        most_stop_sequences=4,
        extra_headers={"openai-version": "2020-10-01"},
    ),
)
_BY_NAME = {profile.name: profile for profile in _ALL}


def find(name: str) -> Profile:
    """Look up a profile by its name in `options.PROFILES`."""
    return _BY_NAME[name]
