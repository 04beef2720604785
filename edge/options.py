"""What a caller asks of a transcription: form fields in, frozen options out, every refusal with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.catalogue import DEFAULT_MODEL, MODELS
from edge.errors import BadRequest
from edge.formats import ALIASES, FORMATS, Format
from edge.languages import AUTO, language_code

BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
MAX_SPEAKERS = 100
MAX_HOTWORDS = 100
MAX_HOTWORD_CHARACTERS = 100
MAX_PROMPT_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How a recording is to be transcribed."""

    format: Format
    model: str = DEFAULT_MODEL
    language: str = ""
    """Whisper code; empty: found from the speech."""
    diarize: bool = True
    diarize_insisted: bool = False
    """Whether the caller said so: then no speakers is a failure."""
    speakers: int = 0
    """Expected number; 0: found from the speech."""
    hotwords: tuple[str, ...] = ()
    prompt: str = ""


def parse_options(fields: Mapping[str, str]) -> Options:
    """Read the fields of the form; unknown ones are ignored. Raises `BadRequest`."""
    diarize = fields.get("diarize", "").strip()
    return Options(
        format=parse_format(fields.get("response_format", "json")),
        model=parse_model(fields.get("model", "")),
        language=language_code(fields.get("language", AUTO)),
        diarize=parse_boolean("diarize", diarize) if diarize else True,
        diarize_insisted=bool(diarize),
        speakers=parse_speakers(fields.get("speakers", "0")),
        hotwords=parse_hotwords(fields.get("hotwords", "").split(",")),
        prompt=parse_prompt(fields.get("prompt", "")),
    )


def parse_model(wanted: str) -> str:
    """Id of a model of the contract; the default for nothing."""
    model = wanted.strip() or DEFAULT_MODEL
    valid = [row.id for row in MODELS]
    if model not in valid:
        raise BadRequest(f"Unknown model {model[:50]!r}. Valid models: {', '.join(valid)}.", code="unknown_model")
    return model


def parse_format(wanted: str) -> Format:
    """An output format by its name or alias; json for nothing."""
    name = wanted.strip().lower() or "json"
    found = FORMATS.get(ALIASES.get(name, name))
    if found is None:
        raise BadRequest(
            f"Unknown response_format {wanted[:50]!r}. Valid formats: {', '.join(FORMATS)}.",
            code="unknown_response_format",
        )
    return found


def parse_boolean(name: str, text: str) -> bool:
    """true, false, 1, 0, yes or no, in any case."""
    value = BOOLEANS.get(text.strip().lower())
    if value is None:
        raise BadRequest(f"{name} must be one of {', '.join(BOOLEANS)}, not {text[:50]!r}.", code=f"invalid_{name}")
    return value


def parse_speakers(text: str) -> int:
    """Number of speakers, 0 for automatic."""
    digits = text.strip() or "0"
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 4 or int(digits) > MAX_SPEAKERS:
        raise BadRequest(
            f"speakers must be a whole number from 0 (automatic) to {MAX_SPEAKERS}, not {text[:50]!r}.",
            code="invalid_speakers",
        )
    return int(digits)


def parse_hotwords(words: list[str]) -> tuple[str, ...]:
    """Words and names that are likely to be said."""
    hotwords = tuple(word.strip() for word in words if word.strip())
    if len(hotwords) > MAX_HOTWORDS or any(len(word) > MAX_HOTWORD_CHARACTERS for word in hotwords):
        raise BadRequest(
            f"hotwords takes at most {MAX_HOTWORDS} of at most {MAX_HOTWORD_CHARACTERS} characters.",
            code="invalid_hotwords",
        )
    return hotwords


def parse_prompt(text: str) -> str:
    """Text that precedes the audio in sense and style."""
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise BadRequest(f"prompt takes at most {MAX_PROMPT_CHARACTERS} characters.", code="invalid_prompt")
    return text.strip()
