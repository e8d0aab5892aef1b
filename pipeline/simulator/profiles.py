"""The dialects: what each played provider demands, how its errors look, which headers it sends (protocol 0, 1, 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipeline.simulator.asking import Refused, Route

ErrorShape = Callable[[Refused, str], dict[str, Any]]
"""Makes an error body of a refusal and a request id."""
Accounting = Literal["as-used", "up-front"]
"""`as-used`: uncached input at the start, real output at the end. `up-front`: one bucket of tokens, charged at the
start with the estimate or the promised output, whichever is more (protocol 5.2)."""
HeaderStyle = Literal["none", "anthropic", "openai", "openai-requests"]


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
    text_results_only: bool = False
    """Takes what a tool brought back as plain text, not as blocks."""
    anthropic_model_list: bool = False
    anthropic_prefix: bool = False
    """Serves Messages under /anthropic too."""
    chat_error_shape: ErrorShape | None = None
    """Where errors of the chat route look different."""
    local_status: int = 400
    """The status of bodies that are refused before the model is known."""
    unknown_model: str = "model: {model}"
    """What is said of a model that nobody serves."""
    unknown_model_status: int = 404
    late_failures: bool = False
    """Some failures come after the status 200 has been sent."""
    late_input_tokens: bool = False
    """Streams begin with 0 input tokens and tell the true number at their end."""
    chat_streams_by_default: bool = False
    stream_comment: str | None = None
    """What streams begin with, to keep the connection alive."""
    names_provider: bool = False
    """Chat answers say which provider served them, and its own finish reason."""
    accounting: Accounting = "as-used"
    limit_headers: HeaderStyle = "none"
    extra_headers: Mapping[str, str]

    def on(self, route: Route) -> Profile:
        """Take the habits of one route."""
        if route == "messages" or self.chat_error_shape is None:
            return self
        return replace(self, error_shape=self.chat_error_shape)


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


def _new_api_error(refused: Refused, request_id: str) -> dict[str, Any]:
    message = f"{refused.message} (request id: {request_id})"
    return {"type": "error", "error": {"type": "new_api_error", "message": message}}


def _new_api_chat_error(refused: Refused, request_id: str) -> dict[str, Any]:
    code = refused.code or _NEW_API_CODES.get(refused.status, "bad_response_status_code")
    message = f"{refused.message} (request id: {request_id})"
    return {"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}


def _openrouter_error(refused: Refused, request_id: str) -> dict[str, Any]:
    metadata = {"provider_name": "Simulator", "raw": refused.message} if refused.status >= 429 else {}
    return {"error": {"code": refused.status, "message": refused.message, "metadata": metadata}}


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
_NEW_API_CODES = {
    400: "bad_response_status_code",
    401: "",
    403: "insufficient_user_quota",
    500: "invalid_request",
    503: "model_not_found",
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
    "chat_streams_by_default": True,
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
        limit_headers="anthropic",
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
        text_results_only=True,
        anthropic_prefix=True,
        limit_headers="openai-requests",
        extra_headers={},
    ),
    Profile(
        name="openai",
        error_shape=_openai_error,
        request_id_header="x-request-id",
        outage_statuses=(500, 503),
        most_stop_sequences=4,
        unknown_model="The model `{model}` does not exist or you do not have access to it.",
        accounting="up-front",
        limit_headers="openai",
        extra_headers={"openai-version": "2020-10-01"},
    ),
    Profile(
        name="new-api",
        error_shape=_new_api_error,
        chat_error_shape=_new_api_chat_error,
        request_id_header="x-oneapi-request-id",
        outage_statuses=(500, 503),
        local_status=500,
        unknown_model="No available channel for model {model} under group default (distributor)",
        unknown_model_status=503,
        late_input_tokens=True,
        extra_headers={},
    ),
    Profile(
        name="openrouter",
        error_shape=_openrouter_error,
        request_id_header="x-generation-id",
        outage_statuses=(502, 503),
        most_stop_sequences=4,
        unknown_model="{model} is not a valid model ID",
        unknown_model_status=400,
        late_failures=True,
        stream_comment=": OPENROUTER PROCESSING",
        names_provider=True,
        accounting="up-front",
        limit_headers="openai",
        extra_headers={"server": "cloudflare"},
    ),
)
_BY_NAME = {profile.name: profile for profile in _ALL}


def find(name: str) -> Profile:
    """Look up a profile by its name in `options.PROFILES`."""
    return _BY_NAME[name]
