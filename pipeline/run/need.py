"""What a request may take, read from the request itself."""

from __future__ import annotations

from pipeline.core.records import Job
from pipeline.core.tokens import estimate_request_tokens
from pipeline.providers.asked import sources
from pipeline.run.permits import Need, max_output_tokens


def need_of(job: Job, body: bytes) -> Need:
    """How much the request of `job` may take, with `body` as its bytes on the wire."""
    request = job.request
    if request is None:
        raise ValueError(f"job {job.job_id} has no request")
    is_plain = all(isinstance(message["content"], str) for message in request.messages)
    images = [] if is_plain else list(sources(request, "image"))
    documents = [] if is_plain else list(sources(request, "document"))
    # A page of a PDF can be many more tokens than bytes, so a PDF is bounded no better than one that is fetched.
    unbounded = any(source.get("type") in ("url", "file", "base64") for source in documents)
    return Need(
        request_bytes=len(body) - sum(len(source.get("data", "")) for source in images),
        images=len(images),
        tools=bool(request.params.get("tools")),
        input_tokens=estimate_request_tokens(request),
        max_tokens=max_output_tokens(request.params),
        unbounded=unbounded,
    )
