"""The wire formats by name."""

from __future__ import annotations

from pipeline.core.errors import SettingsError
from pipeline.providers.anthropic_messages import AnthropicMessages
from pipeline.providers.openai_chat import OpenAIChat
from pipeline.providers.wire import WireFormat

_FORMATS: dict[str, WireFormat] = {"anthropic-messages": AnthropicMessages(), "openai-chat": OpenAIChat()}


def wire_format(protocol: str) -> WireFormat:
    """Return the format that settings call `protocol`; SettingsError for one that sends nothing or does not exist."""
    found = _FORMATS.get(protocol)
    if found is None:
        known = ", ".join(sorted(_FORMATS))
        raise SettingsError(f'protocol = "{protocol}" is no wire format; use one of: {known}')
    return found
