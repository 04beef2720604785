"""What is asked of a summary and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import BadRequest
from edge.languages import language_code

STYLES = ("brief", "detailed", "action_items", "bullet_points")
ALIASES: Mapping[str, str] = {"bullets": "bullet_points"}


@dataclass(frozen=True, slots=True)
class Delta:
    """The next part of a preview."""

    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole summary, checked against the transcript."""

    text: str
    model: str


SummaryEvent = Delta | Summary


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)

    text: str
    style: str = "brief"
    language: str = ""


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """A transcript and the form its summary is to have."""

    text: str
    style: str
    language: str
    """Code to answer in; empty: the transcript's own."""


def parse_summary_request(body: Any) -> SummaryRequest:
    """Read the JSON object of a request. Raises `BadRequest`."""
    try:
        parsed = _Body.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadRequest(f"{place}: {first['msg']}", code="invalid_body") from None
    if not parsed.text.strip():
        raise BadRequest("text is empty; send the transcript to summarize.", code="empty_text")
    wanted = parsed.style.strip().lower()
    style = ALIASES.get(wanted, wanted)
    if style not in STYLES:
        raise BadRequest(
            f"Unknown style {parsed.style[:50]!r}. Valid styles: {', '.join(STYLES)}.", code="unknown_style"
        )
    return SummaryRequest(parsed.text, style, language_code(parsed.language))


def summary_dict(summary: Summary, style: str) -> dict[str, str]:
    """A summary as JSON shows it."""
    return {"summary": summary.text, "style": style, "model": summary.model}
