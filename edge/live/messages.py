"""The messages of a stream: every one carries `text` and `partial`, empty if there is nothing."""

import json
from collections.abc import Mapping
from typing import Any

from edge.answers import error_dict
from edge.errors import Refusal
from edge.formats import segment_dict, speaker_name
from edge.types import Segment

CLOSE_CODES: Mapping[int, int] = {
    400: 4400,
    401: 4401,
    402: 4402,
    408: 4400,
    413: 4413,
    415: 4400,
    429: 4429,
    503: 4503,
}
"""How a refusal closes the socket; what is not here is our own fault, 1011."""


def message(*, text: str = "", partial: str = "", **extras: Any) -> str:
    """A message as it goes out."""
    return json.dumps({"text": text, "partial": partial, **extras}, ensure_ascii=False)


def ready(model: str, request_id: str) -> str:
    """The stream takes audio."""
    return message(status="ready", model=model, request_id=request_id)


def final(segment: Segment) -> str:
    """A segment, once."""
    extras = segment_dict(segment)
    return message(is_final=False, **extras)


def partial(text: str, *, start: float, end: float) -> str:
    """The tail that is in no segment yet."""
    return message(partial=text, start=round(start, 3), end=round(end, 3))


def corrections(segments: list[Segment], tail: str) -> str:
    """Who really spoke in stretches that went out with another speaker, or none."""
    rows = [
        {"start": round(s.start, 3), "end": round(s.end, 3), "speaker": speaker_name(s.speaker), "text": s.text}
        for s in segments
        if s.speaker is not None
    ]
    return message(partial=tail, corrections=rows)


def refused(refusal: Refusal) -> str:
    """An error."""
    extras = error_dict(refusal)
    if refusal.retry_after is not None:
        extras["retry_after"] = refusal.retry_after
    return message(**extras)


def close_code(refusal: Refusal) -> int:
    """The code that the socket is closed with after an error."""
    return CLOSE_CODES.get(refusal.status, 1011)
