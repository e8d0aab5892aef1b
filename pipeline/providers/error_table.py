"""What providers call their errors, as data: words in bodies and HTTP statuses to error kinds (protocol section 4)."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.records import ErrorKind, Stops

TRANSIENT: frozenset[ErrorKind] = frozenset({"rate", "overload", "conflict", "transport"})
"""Kinds for which another attempt can succeed (reliability 5.2)."""

STOPS: Mapping[ErrorKind, Stops] = {"auth": "run", "billing": "run", "model": "lane", "endpoint": "run"}
"""What a failure of this kind ends; every other kind ends nothing."""


def _spread(table: Mapping[ErrorKind, str]) -> dict[str, ErrorKind]:
    return {word: kind for kind, words in table.items() for word in words.split()}


DECISIVE: Mapping[str, ErrorKind] = _spread(
    {
        "billing": """
            insufficient_quota insufficient_user_quota pre_consume_token_quota_failed
            credit_balance_exhausted credit_balance_too_low insufficient_credits insufficient_balance
            billing_error billing_not_active billing_hard_limit_reached
            enforced_spend_limit_reached contract_spend_limit_reached
            linked_organization_spend_limit_reached linked_organization_billing_unavailable
            exceeded_current_quota_error arrearage
        """,
        "auth": """
            invalid_api_key incorrect_api_key missing_api_key invalid_token unauthorized
            account_deactivated organization_on_hold unsupported_country_region_territory ip_not_authorized
        """,
        "model": """
            model_not_found model_not_exist model_not_available model_deprecated model_decommissioned
            deployment_not_found deploymentnotfound get_channel_failed model_price_error
            channel:no_available_key channel:invalid_key channel:model_mapped_error
        """,
        "endpoint": "unknown_url invalid_url invalid_api_type",
        "request": """
            context_length_exceeded exceed_context_size_error string_above_max_length
            image_dimensions_too_large invalid_image invalid_image_format image_parse_error
            request_body_too_large_after_decoding request_body_encoding_unsupported request_body_encoding_invalid
            unsupported_charset available_tools_limit_exceeded file_expired
            unsupported_parameter unsupported_value unknown_parameter missing_required_parameter
            invalid_prompt invalid_request bad_request_body read_request_body_failed convert_request_failed
            count_token_failed json_invalid
            content_filter content_policy_violation moderation_blocked sensitive_words_detected prompt_blocked
            data_inspection_failed
        """,
        "rate": "rate_limit_exceeded ramp_limit_exceeded too_many_requests resource_exhausted",
        "conflict": "request_body_timeout",
    }
)
"""Words that say what went wrong; they win over `x-should-retry` and the status."""

GENERIC: Mapping[str, ErrorKind] = _spread(
    {
        "auth": "authentication_error permission_error permission_denied",
        "billing": "payment_required",
        "rate": "rate_limit_error ratelimiterror",
        "overload": "overloaded_error server_is_overloaded engine_overloaded_error slow_down",
        "conflict": "conflict_error",
        "request": "request_too_large",
    }
)
"""Names of whole classes of errors; they win over the status, but not over `x-should-retry`."""

VAGUE: Mapping[str, ErrorKind] = _spread(
    {
        "request": "invalid_request_error badrequesterror invalid_argument",
        "overload": """
            api_error server_error internal_error internal_server_error bad_gateway upstream_error
            service_unavailable timeout_error unavailable
        """,
    }
)
"""Words sent with many statuses; believed where the status is 2xx or 5xx, since a 4xx says more."""

PHRASES: tuple[tuple[str, ErrorKind], ...] = (
    ("credit balance", "billing"),
    ("specified api usage limits", "billing"),
    ("额度不足", "billing"),
    ("available channel for model", "model"),
    ("no endpoints found", "model"),
    ("is not a valid model id", "model"),
    ("无可用渠道", "model"),
)
"""Parts of documented messages (lower case) that no code or type goes with."""

STATUSES: Mapping[int, ErrorKind] = {
    401: "auth",
    402: "billing",
    403: "auth",
    404: "endpoint",
    405: "endpoint",
    407: "endpoint",
    408: "conflict",
    409: "conflict",
    410: "model",
    421: "conflict",
    425: "conflict",
    429: "rate",
    501: "endpoint",
    505: "endpoint",
}
"""Statuses that differ from their class: other 4xx are the request's fault, other 5xx the provider's."""

MAYBE_PAID_STATUSES = frozenset({502, 504, 520, 524})
"""Answered by a proxy that gave up on an origin which may have gone on generating."""
