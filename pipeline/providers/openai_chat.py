"""The OpenAI chat-completions protocol, as spoken by OpenAI and every compatible server."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.records import Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers.arriving import ArrivingDecoder
from pipeline.providers.body import dump_json
from pipeline.providers.decoder import Shape
from pipeline.providers.openai_request import chat_body
from pipeline.providers.openai_response import is_completion, read_completion
from pipeline.providers.stream_chat import ChatAssembly
from pipeline.providers.usage import chat_usage
from pipeline.providers.wire import Decoder, wants_stream

_SHAPE = Shape(is_completion, read_completion, chat_usage)


class OpenAIChat:
    """Messages parameters are translated, answers are translated back."""

    name = "openai-chat"

    def path(self) -> str:
        """What is appended to the base_url, which ends in /v1."""
        return "/chat/completions"

    def headers(self, provider: ProviderSettings, beta: tuple[str, ...]) -> dict[str, str]:
        """Content type and the provider's own headers; `beta` names belong to the Messages protocol."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        headers.update((name.lower(), value) for name, value in provider.headers.items())
        return headers

    def auth_header(self, provider: ProviderSettings, key: str) -> tuple[str, str]:
        """Return a bearer token: this protocol knows no other."""
        return ("authorization", f"Bearer {key}")

    def encode(self, request: Request, model_id: str, provider: ProviderSettings) -> bytes:
        """Translate and serialise."""
        return dump_json(chat_body(request, model_id, provider))

    def streams(self, request: Request) -> bool:
        """Whether the answer to `request` is asked for as a stream."""
        return wants_stream(request)

    def cache_ttl(self, request: Request) -> str:
        """Return the short lifetime: this protocol caches by itself and has no other."""
        return "5m"

    def decoder(self, status: int, headers: Mapping[str, str], *, cache_ttl: str = "5m") -> Decoder:
        """Read a stream of chunks or a whole body, whichever comes."""
        return ArrivingDecoder(status, headers, _SHAPE, ChatAssembly)
