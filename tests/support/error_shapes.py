"""Error bodies as providers send them, and what each means."""

from __future__ import annotations

from typing import Any

CDN_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><p>Checking</p></body></html>"


def anthropic(kind: str, message: str = "m", **details: Any) -> dict[str, Any]:
    error: dict[str, Any] = {"type": kind, "message": message}
    if details:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": "req_1"}


def openai(code: str | None, kind: str | None = None, message: str = "m") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def new_api(code: str, message: str = "m (request id: 2026)") -> dict[str, Any]:
    return {"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}


CASES: list[tuple[str, int, Any, str]] = [
    # Anthropic
    ("anthropic bad request", 400, anthropic("invalid_request_error"), "request"),
    ("anthropic credit", 400, anthropic("invalid_request_error", "Your credit balance is too low to"), "billing"),
    (
        "anthropic spend limit of the customer",
        400,
        anthropic("invalid_request_error", "You have reached your specified API usage limits. You will"),
        "billing",
    ),
    ("anthropic prompt too long", 400, anthropic("invalid_request_error", "prompt is too long: 2 > 1"), "request"),
    ("anthropic key", 401, anthropic("authentication_error", "invalid x-api-key"), "auth"),
    ("anthropic billing", 402, anthropic("billing_error"), "billing"),
    ("anthropic permission", 403, anthropic("permission_error"), "auth"),
    ("anthropic model", 404, anthropic("not_found_error", "model: claude-foo"), "model"),
    ("anthropic conflict", 409, anthropic("conflict_error"), "conflict"),
    ("anthropic too large", 413, anthropic("request_too_large"), "request"),
    ("anthropic image", 400, anthropic("invalid_request_error", error_code="image_dimensions_too_large"), "request"),
    ("anthropic rate", 429, anthropic("rate_limit_error"), "rate"),
    ("anthropic ramp", 429, anthropic("rate_limit_error", error_code="ramp_limit_exceeded"), "rate"),
    ("anthropic cap", 429, anthropic("rate_limit_error", error_code="enforced_spend_limit_reached"), "billing"),
    ("anthropic contract", 429, anthropic("rate_limit_error", error_code="contract_spend_limit_reached"), "billing"),
    ("anthropic on hold", 403, anthropic("permission_error", error_code="organization_on_hold"), "auth"),
    ("anthropic internal", 500, anthropic("api_error"), "overload"),
    ("anthropic timeout", 504, anthropic("timeout_error"), "overload"),
    ("anthropic overloaded", 529, anthropic("overloaded_error", "Overloaded"), "overload"),
    ("anthropic overloaded in 200", 200, anthropic("overloaded_error"), "overload"),
    ("batch error, doubly nested", 200, {"type": "error", "error": anthropic("invalid_request_error")}, "request"),
    # APIMart: code is the status as a number
    ("apimart request", 400, {"error": {"code": 400, "message": "m", "type": "invalid_request_error"}}, "request"),
    ("apimart key", 401, {"error": {"code": 401, "message": "m", "type": "authentication_error"}}, "auth"),
    ("apimart balance", 402, {"error": {"code": 402, "message": "m", "type": "payment_required"}}, "billing"),
    ("apimart permission", 403, {"error": {"code": 403, "message": "m", "type": "permission_error"}}, "auth"),
    ("apimart rate", 429, {"error": {"code": 429, "message": "m", "type": "rate_limit_error"}}, "rate"),
    ("apimart server", 500, {"error": {"code": 500, "message": "m", "type": "server_error"}}, "overload"),
    ("apimart gateway", 502, {"error": {"code": 502, "message": "m", "type": "bad_gateway"}}, "overload"),
    ("wrapper with a bad code", 200, {"code": 402, "message": "no balance", "data": None}, "billing"),
    ("wrapper with an overload", 200, {"code": 503, "msg": "busy", "data": {}}, "overload"),
    # OfoxAI
    ("ofox key", 401, {"error": {"code": "invalid_api_key", "message": "m", "type": "authentication_error"}}, "auth"),
    ("ofox model", 404, {"error": {"code": "not_found", "message": "m", "type": "not_found_error"}}, "model"),
    ("ofox rate", 429, {"error": {"code": "rate_limit_exceeded", "message": "m", "type": "rate_limit_error"}}, "rate"),
    ("ofox upstream", 502, {"error": {"code": "upstream_error", "message": "m", "type": "upstream_error"}}, "overload"),
    ("ofox down", 503, {"error": {"code": "service_unavailable", "message": "m"}}, "overload"),
    # OpenAI
    ("openai context", 400, openai("context_length_exceeded", "invalid_request_error"), "request"),
    ("openai key", 401, openai("invalid_api_key", "invalid_request_error"), "auth"),
    ("openai no key", 401, openai(None, "invalid_request_error"), "auth"),
    ("openai model", 404, openai("model_not_found", "invalid_request_error"), "model"),
    ("openai url", 404, openai(None, "invalid_request_error", "Invalid URL (POST /v1/chat)"), "endpoint"),
    ("openai rate", 429, openai("rate_limit_exceeded", "tokens"), "rate"),
    ("openai quota", 429, openai("insufficient_quota", "insufficient_quota"), "billing"),
    ("openai credit", 429, openai("credit_balance_exhausted"), "billing"),
    ("openai server", 500, openai(None, "server_error"), "overload"),
    ("openai overloaded", 503, openai("server_is_overloaded"), "overload"),
    ("openai slow down", 503, openai("slow_down"), "overload"),
    ("openai region", 403, openai("unsupported_country_region_territory", "request_forbidden"), "auth"),
    # new-api: local errors come as 500, quota as 403, no channel as 503
    ("new-api quota", 403, new_api("insufficient_user_quota"), "billing"),
    (
        "new-api quota on the Messages route",
        403,
        {"type": "error", "error": {"type": "new_api_error", "message": "用户额度不足, 剩余额度: $0.010000"}},
        "billing",
    ),
    ("new-api model", 503, new_api("model_not_found"), "model"),
    ("new-api channel", 500, new_api("get_channel_failed"), "model"),
    ("new-api no key", 503, new_api("channel:no_available_key"), "model"),
    ("new-api conversion", 500, new_api("convert_request_failed"), "request"),
    ("new-api upstream", 500, new_api("bad_response_status_code"), "overload"),
    ("new-api no code", 503, new_api("", "No available channel for model x under group default"), "model"),
    (
        "new-api on the Messages route",
        503,
        {"type": "error", "error": {"type": "new_api_error", "message": "当前分组 default 下对于模型 x 无可用渠道"}},
        "model",
    ),
    ("new-api validation as 500", 500, anthropic("invalid_request_error"), "request"),
    # OpenRouter
    ("openrouter rate in 200", 200, {"error": {"code": 429, "message": "m", "metadata": {}}}, "rate"),
    ("openrouter provider in 200", 200, {"error": {"code": 502, "message": "Provider returned error"}}, "overload"),
    ("openrouter credits", 402, {"error": {"code": 402, "message": "requires more credits"}}, "billing"),
    (
        "openrouter moderation is no key error",
        403,
        {"error": {"code": 403, "message": "m", "metadata": {"reasons": ["x"], "flagged_input": "y"}}},
        "request",
    ),
    ("openrouter no endpoint", 404, {"error": {"code": 404, "message": "No endpoints found for a/b."}}, "model"),
    # vLLM, llama.cpp, Ollama, FastAPI, Google
    ("vllm flat", 400, {"object": "error", "message": "m", "type": "BadRequestError", "code": 400}, "request"),
    (
        "vllm model",
        404,
        {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        "model",
    ),
    (
        "llama.cpp context",
        500,
        {"error": {"code": 500, "message": "m", "type": "exceed_context_size_error", "n_ctx": 512}},
        "request",
    ),
    ("ollama model", 404, {"error": "model 'x' not found, try pulling it first"}, "model"),
    ("fastapi fields", 422, {"detail": [{"loc": ["body", "max_tokens"], "msg": "required"}]}, "request"),
    ("fastapi path", 404, {"detail": "Not Found"}, "endpoint"),
    (
        "google in a list",
        429,
        [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": []}}],
        "rate",
    ),
    # loose shapes
    ("string error", 401, {"error": "Unauthorized"}, "auth"),
    ("only a message", 500, {"message": "oops"}, "overload"),
    ("code and msg in 200, the caller's fault", 200, {"code": 40001, "msg": "bad"}, "request"),
    ("code and msg in 200, the server's fault", 200, {"code": 50001, "msg": "bad"}, "overload"),
    ("a bare string", 500, "oops", "overload"),
    # no JSON
    ("cdn challenge is no key error", 403, CDN_PAGE, "transport"),
    ("cdn too large", 413, CDN_PAGE, "request"),
    ("cdn gateway", 502, CDN_PAGE, "overload"),
    ("cdn timeout", 524, CDN_PAGE, "overload"),
    ("cdn origin", 530, CDN_PAGE, "overload"),
    ("cdn path", 404, CDN_PAGE, "endpoint"),
    ("nginx text", 503, b"upstream connect error", "overload"),
    ("empty 401", 401, b"", "auth"),
    ("no body 404", 404, None, "endpoint"),
    ("empty 500", 500, b" \n", "overload"),
    ("method", 405, b"", "endpoint"),
    ("request timeout", 408, b"", "conflict"),
    ("too early", 425, b"", "conflict"),
    ("gone", 410, b"", "model"),
    ("teapot", 418, b"", "request"),
    ("proxy", 407, b"", "endpoint"),
    ("moved", 301, b"", "endpoint"),
    ("redirect", 307, b"", "endpoint"),
]
