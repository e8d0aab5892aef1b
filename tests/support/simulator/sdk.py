"""The official SDKs, connected to a simulator of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai

from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator


@asynccontextmanager
async def anthropic_client(**options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """An Anthropic client that retries nothing."""
    async with (
        Simulator(Options(**{"latency_scale": 0.0, **options})) as running,
        anthropic.AsyncAnthropic(api_key="any", base_url=running.base_url, max_retries=0) as client,
    ):
        yield client


@asynccontextmanager
async def openai_client(**options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    """An OpenAI client that retries nothing."""
    async with (
        Simulator(Options(**{"latency_scale": 0.0, "profile": "openai", **options})) as running,
        openai.AsyncOpenAI(api_key="any", base_url=f"{running.base_url}/v1", max_retries=0) as client,
    ):
        yield client
