"""Between the messages of speech.v1 and the values of inference. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from speech.v1 import audio_pb2, transcription_pb2

from inference import events
from inference.hardware import Device
from inference.intake import AudioForm, Chunk, Encoding, Flush, Request
from inference.languages import LANGUAGES
from inference.models import Standing
from inference.scheduler import Scheduler
from inference.types import DecodingOptions, Segment, Span, Word
from rpc.errors import InvalidArgument

_ENCODINGS = {
    audio_pb2.AUDIO_ENCODING_UNSPECIFIED: Encoding.PCM,
    audio_pb2.AUDIO_ENCODING_PCM_S16LE: Encoding.PCM,
    audio_pb2.AUDIO_ENCODING_MULAW: Encoding.MULAW,
    audio_pb2.AUDIO_ENCODING_CONTAINER: Encoding.CONTAINER,
}


class UnknownLanguage(InvalidArgument):
    """The code is none of Whisper's."""

    reason = "unknown_language"


class BadConfig(InvalidArgument):
    """A setting of a stream is out of its bounds."""

    reason = "bad_config"


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What a client asks for."""

    model: str
    """Empty: the default."""
    live: bool
    interim: bool
    form: AudioForm
    options: DecodingOptions
    silence: float | None
    """Seconds that end an utterance; None: the mode's own."""
    longest: float | None
    """Seconds of the longest utterance; None: the mode's own."""
    plan_only: bool = False
    """Whether windows are told instead of decoded."""
    expected: float = 0.0
    """Seconds of audio that will probably come; 0: not known."""
    window: tuple[Span, tuple[Span, ...]] | None = None
    """The planned window, and the speech in it, that the stream's audio is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the end of a stream tells beside its session's own account."""

    served_by: str
    truncated: bool = False


def stream_config(config: transcription_pb2.TranscriptionConfig) -> StreamConfig:
    """Check a config and read it. Raises UnknownLanguage, BadConfig."""
    live = config.mode == transcription_pb2.TRANSCRIPTION_MODE_LIVE
    if config.language and config.language not in LANGUAGES:
        raise UnknownLanguage(f"no such language: {config.language[:20]}")
    if len(config.hotwords) > 100 or any(len(word) > 100 for word in config.hotwords):
        raise BadConfig("at most 100 hotwords of at most 100 characters")
    if len(config.prompt) > 1000:
        raise BadConfig("a prompt has at most 1000 characters")
    form = audio_form(config.format)
    if live and form.encoding is Encoding.CONTAINER:
        raise BadConfig("a live stream carries samples, not a container")
    if not 0 <= config.expected_seconds < math.inf:
        raise BadConfig("expected_seconds is a number of seconds")
    window = _planned(config.window) if config.HasField("window") else None
    if (live and (config.plan_only or window)) or (config.plan_only and window):
        raise BadConfig("plan_only and window are for recordings, and for one stream each")
    return StreamConfig(
        model=config.model,
        live=live,
        interim=config.interim_results if config.HasField("interim_results") else True,
        form=form,
        options=DecodingOptions(
            language=config.language,
            words=config.word_timestamps if config.HasField("word_timestamps") else True,
            hotwords=" ".join(config.hotwords),
            prompt=config.prompt,
        ),
        silence=_seconds(config.endpointing, "silence_milliseconds", low=100, high=5000),
        longest=_seconds(config.endpointing, "utterance_milliseconds", low=2000, high=30_000),
        plan_only=config.plan_only,
        expected=0.0 if live else config.expected_seconds,
        window=window,
    )


def audio_form(form: audio_pb2.AudioFormat) -> AudioForm:
    """Read the form of the audio. Raises BadConfig."""
    encoding = _ENCODINGS.get(form.encoding)
    rate = form.sample_rate_hertz or 16_000
    if encoding is None:
        raise BadConfig("no such encoding")
    if not 8000 <= rate <= 48_000:
        raise BadConfig("a sample rate is 8000 to 48000")
    return AudioForm(encoding, rate)


def request(message: transcription_pb2.TranscribeRequest) -> Request:
    """Read a request between config and finish."""
    if message.WhichOneof("payload") == "flush":
        return Flush()
    chunk = message.audio
    return Chunk(chunk.data, chunk.offset if chunk.HasField("offset") else None)


def ready(config: StreamConfig, *, model: str, served_by: str) -> transcription_pb2.TranscribeResponse:
    """Say that the stream is open."""
    return transcription_pb2.TranscribeResponse(
        ready=transcription_pb2.TranscriptionReady(model=model, served_by=served_by, language=config.options.language)
    )


def response(event: events.Event, outcome: Outcome) -> transcription_pb2.TranscribeResponse:
    """Write an event of a session."""
    pb = transcription_pb2
    match event:
        case Segment():
            return pb.TranscribeResponse(segment=_segment(event))
        case events.Interim(text, stable, start, end, words):
            return pb.TranscribeResponse(
                interim=pb.Interim(
                    text=text, stable_characters=stable, start=start, end=end, words=[_word(word) for word in words]
                )
            )
        case events.SpeechStarted(time):
            return pb.TranscribeResponse(speech_started=pb.SpeechStarted(time=time))
        case events.SpeechEnded(time):
            return pb.TranscribeResponse(speech_ended=pb.SpeechEnded(time=time))
        case events.LanguageDetected(language, confidence):
            return pb.TranscribeResponse(
                language_detected=pb.LanguageDetected(language=language, confidence=confidence)
            )
        case events.Progress(received, processed):
            return pb.TranscribeResponse(progress=pb.Progress(received_seconds=received, processed_seconds=processed))
        case events.Planned(span, speech):
            planned = pb.PlannedWindow(span=_span(span), speech=[_span(part) for part in speech])
            return pb.TranscribeResponse(window=planned)
        case events.Draining(processed):
            return pb.TranscribeResponse(draining=pb.Draining(processed_seconds=processed))
        case events.Done():
            return pb.TranscribeResponse(done=_done(event, outcome))


def model(standing: Standing) -> transcription_pb2.Model:
    """Describe a model."""
    row = standing.row
    return transcription_pb2.Model(
        id=row.id,
        name=row.name,
        languages=row.languages,
        speed=row.speed,
        description=row.description,
        available=standing.available,
        served_by=standing.served_by,
        loaded=standing.loaded,
    )


def accelerator(device: Device) -> audio_pb2.Accelerator:
    """Describe a device."""
    return audio_pb2.Accelerator(kind=device.kind, name=device.name, memory_mebibytes=device.memory_mebibytes)


def load(schedulers: Sequence[Scheduler], *, streams: int, stream_limit: int, draining: bool) -> audio_pb2.Load:
    """Add up how busy the models are; a new stream waits for the slowest."""
    return audio_pb2.Load(
        streams=streams,
        stream_limit=stream_limit,
        slots=sum(scheduler.slots for scheduler in schedulers),
        slots_in_use=sum(scheduler.slots_in_use for scheduler in schedulers),
        queued=sum(scheduler.waiting_seconds for scheduler in schedulers),
        queue_limit=sum(scheduler.backlog.limit for scheduler in schedulers),
        queue_delay_seconds=max((scheduler.delay for scheduler in schedulers), default=0.0),
        draining=draining,
        pace=sum(scheduler.pace.audio_per_second for scheduler in schedulers),
    )


def _seconds(message: Message, field: str, *, low: int, high: int) -> float | None:
    if not message.HasField(field):
        return None
    value: int = getattr(message, field)
    if not low <= value <= high:
        raise BadConfig(f"{field} is {low} to {high}")
    return value / 1000


def _planned(window: transcription_pb2.PlannedWindow) -> tuple[Span, tuple[Span, ...]]:
    speech = tuple(Span(part.start, part.end) for part in window.speech)
    return Span(window.span.start, window.span.end), speech


def _span(span: Span) -> audio_pb2.TimeSpan:
    return audio_pb2.TimeSpan(start=span.start, end=span.end)


def _word(word: Word) -> transcription_pb2.Word:
    return transcription_pb2.Word(
        text=word.text, start=word.start, end=word.end, confidence=word.confidence, space_before=word.space_before
    )


def _segment(segment: Segment) -> transcription_pb2.Segment:
    return transcription_pb2.Segment(
        text=segment.text,
        start=segment.start,
        end=segment.end,
        words=[_word(word) for word in segment.words],
        confidence=segment.confidence,
        language=segment.language,
    )


def _done(done: events.Done, outcome: Outcome) -> transcription_pb2.TranscriptionDone:
    return transcription_pb2.TranscriptionDone(
        usage=audio_pb2.AudioUsage(audio_seconds=done.audio_seconds, speech_seconds=done.speech_seconds),
        language=done.language,
        language_confidence=done.language_confidence,
        dropped=[
            transcription_pb2.DroppedSpan(span=_span(dropped.span), reason=dropped.reason) for dropped in done.dropped
        ],
        served_by=outcome.served_by,
        truncated=outcome.truncated,
    )
