"""What a request may take, read from the request itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.pdf_pages import pdf_pages
from pipeline.core.records import Job
from pipeline.core.tokens import estimate_request_tokens
from pipeline.cost.budget import PDF_PAGE_TOKENS
from pipeline.providers.asked import sources
from pipeline.run.permits import Need, max_output_tokens

Source = Mapping[str, Any]


def need_of(job: Job, body: bytes, *, max_input_tokens: int | None = None) -> Need:
    """How much the request of `job` may take, with `body` as its bytes on the wire.

    `max_input_tokens` is the most that the model reads, where it is known: what a document can cost ends there.
    """
    request = job.request
    if request is None:
        raise ValueError(f"job {job.job_id} has no request")
    is_plain = all(isinstance(message["content"], str) for message in request.messages)
    images = [] if is_plain else list(sources(request, "image"))
    documents = [] if is_plain else [source for source in sources(request, "document") if _is_opaque(source)]
    text_bytes = len(body) - sum(len(source.get("data", "")) for source in images)
    most = _with_documents(text_bytes, documents, max_input_tokens) if documents else text_bytes
    return Need(
        request_bytes=text_bytes if most is None else most,
        images=len(images),
        tools=bool(request.params.get("tools")),
        input_tokens=estimate_request_tokens(request),
        max_tokens=max_output_tokens(request.params),
        unbounded=most is None,
    )


def _is_opaque(source: Source) -> bool:
    """Whether a document's tokens are not its bytes: a PDF, or one that the provider holds or fetches."""
    return source.get("type") in ("url", "file", "base64")


def _with_documents(text_bytes: int, documents: Sequence[Source], max_input_tokens: int | None) -> int | None:
    """The most input tokens with `documents`: bytes and pages, but no more than the model reads; None if unknown.

    A PDF is read as text and as a picture of each page. Its bytes are compressed, so the pages count beside them.
    """
    pages = [_pages(source) for source in documents]
    if None in pages:
        return max_input_tokens
    most = text_bytes + PDF_PAGE_TOKENS * sum(count or 0 for count in pages)
    return most if max_input_tokens is None else min(most, max_input_tokens)


def _pages(source: Source) -> int | None:
    if source.get("type") != "base64":
        return None
    try:
        return pdf_pages(base64.b64decode(source.get("data", "")))
    except (binascii.Error, ValueError):
        return None
