"""What a live stream is asked to do: the query of the handshake and the first message in, frozen options out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge import options
from edge.catalogue import DEFAULT_MODEL
from edge.errors import BadRequest
from edge.languages import language_code
from edge.types import SAMPLE_RATE

RATES = range(8_000, 48_001)
ENCODINGS = ("pcm_s16le", "mulaw")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a stream is to be transcribed."""

    model: str = DEFAULT_MODEL
    language: str = ""
    """Whisper code; empty: found from the speech."""
    diarize: bool = False
    speakers: int = 0
    hotwords: tuple[str, ...] = ()
    prompt: str = ""
    interim: bool = True
    sample_rate: int = SAMPLE_RATE
    encoding: str = "pcm_s16le"

    @property
    def as_is(self) -> bool:
        """Whether the audio comes in the form that services take."""
        return self.sample_rate == SAMPLE_RATE and self.encoding == "pcm_s16le"


def from_query(query: Mapping[str, str]) -> LiveOptions:
    """Options of the handshake. Raises `BadRequest`."""
    return _read({name: value for name, value in query.items() if name != "token"}, LiveOptions())


def from_message(message: Mapping[str, Any], base: LiveOptions) -> LiveOptions:
    """Options of the first message on top of those of the handshake; unknown keys are ignored.

    Raises `BadRequest`.
    """
    return _read(message, base)


def parse_message(text: str) -> dict[str, Any]:
    """A JSON object from a text frame. Raises `BadRequest`."""
    try:
        message = json.loads(text)
    except ValueError:
        raise BadRequest("That was no JSON.", code="invalid_json") from None
    if not isinstance(message, dict):
        raise BadRequest("Send a JSON object.", code="invalid_json")
    return message


def _read(given: Mapping[str, Any], base: LiveOptions) -> LiveOptions:
    made = base
    for name, value in given.items():
        if value is None:
            continue
        match name:
            case "model":
                made = replace(made, model=options.parse_model(_text(name, value)))
            case "language":
                made = replace(made, language=language_code(_text(name, value)))
            case "prompt":
                made = replace(made, prompt=options.parse_prompt(_text(name, value)))
            case "hotwords":
                made = replace(made, hotwords=_hotwords(value))
            case "speakers":
                made = replace(made, speakers=options.parse_speakers(str(value)))
            case "diarize":
                made = replace(made, diarize=_boolean(name, value))
            case "interim":
                made = replace(made, interim=_boolean(name, value))
            case "sample_rate":
                made = replace(made, sample_rate=_rate(value))
            case "encoding":
                made = replace(made, encoding=_encoding(value))
    return made


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.", code=f"invalid_{name}")
    return value


def _boolean(name: str, value: object) -> bool:
    return value if isinstance(value, bool) else options.parse_boolean(name, str(value))


def _hotwords(value: object) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadRequest("hotwords must be a list of strings.", code="invalid_hotwords")
    return options.parse_hotwords(words)


def _rate(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) not in RATES:
        raise BadRequest(f"sample_rate must be from {RATES.start} to {RATES.stop - 1}.", code="invalid_sample_rate")
    return int(text)


def _encoding(value: object) -> str:
    if value not in ENCODINGS:
        raise BadRequest(
            f"Unknown encoding {str(value)[:50]!r}. Valid encodings: {', '.join(ENCODINGS)}.", code="unknown_encoding"
        )
    return str(value)
