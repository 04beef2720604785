"""Between the edge's values and speech.v1: pure functions, and with `backends` the only place that knows both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from speech.v1 import audio_pb2, diarization_pb2, summarization_pb2, transcription_pb2

from edge.catalogue import Model
from edge.events import (
    DiarizationEvent,
    Done,
    Draining,
    Horizon,
    LanguageDetected,
    Merged,
    Planned,
    Progress,
    Ready,
    RecognitionEvent,
    SpeechEnded,
    SpeechStarted,
)
from edge.types import Interim, Segment, Turn, Word

PCM = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000)


@dataclass(frozen=True, slots=True)
class Recognition:
    """What is asked of a transcription."""

    model: str
    language: str = ""
    """Whisper code; empty: found from the speech."""
    live: bool = False
    interim: bool = True
    hotwords: tuple[str, ...] = ()
    prompt: str = ""
    expected: float = 0.0
    """Seconds of audio that will probably come; 0: not known."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a replica runs on and how busy it is."""

    gpu_name: str | None
    gpu_memory: int
    """MiB."""
    streams: int
    stream_limit: int
    slots: int
    """Units of work that its engines do at once."""
    queued: float
    queue_limit: float
    queue_delay: float
    pace: float
    """Seconds of audio that it works off in a second; 0: not known."""
    draining: bool
    state: str = "ready"
    """Summaries only: `ready`, `fetching`, `absent` or `failed`."""
    model: str = ""
    fetched: int = 0
    total: int = 0

    def takes(self, *, live: bool = False) -> bool:
        """Whether it would take a new stream. Live work goes before what waits, so that it needs no room there."""
        no_stream = 0 < self.stream_limit <= self.streams
        no_room = 0 < self.queue_limit <= self.queued
        return not (self.draining or no_stream or (no_room and not live))


STYLES: Mapping[str, summarization_pb2.SummaryStyle.ValueType] = {
    "brief": summarization_pb2.SUMMARY_STYLE_BRIEF,
    "detailed": summarization_pb2.SUMMARY_STYLE_DETAILED,
    "action_items": summarization_pb2.SUMMARY_STYLE_ACTION_ITEMS,
    "bullet_points": summarization_pb2.SUMMARY_STYLE_BULLET_POINTS,
}
"""The contract's names of the styles."""


def recognition_config(wanted: Recognition) -> transcription_pb2.TranscriptionConfig:
    """First message of a `Transcribe` stream."""
    mode = transcription_pb2.TRANSCRIPTION_MODE_LIVE if wanted.live else transcription_pb2.TRANSCRIPTION_MODE_FILE
    return transcription_pb2.TranscriptionConfig(
        model=wanted.model,
        language=wanted.language,
        mode=mode,
        format=PCM,
        interim_results=wanted.live and wanted.interim,
        word_timestamps=True,
        hotwords=wanted.hotwords,
        prompt=wanted.prompt,
        expected_seconds=wanted.expected,
    )


def plan_config(wanted: Recognition) -> transcription_pb2.TranscriptionConfig:
    """First message of a stream that plans windows."""
    config = recognition_config(wanted)
    config.plan_only = True
    return config


def window_config(wanted: Recognition, window: Planned) -> transcription_pb2.TranscriptionConfig:
    """First message of a stream that is one planned window."""
    config = recognition_config(wanted)
    config.window.CopyFrom(
        transcription_pb2.PlannedWindow(
            span=audio_pb2.TimeSpan(start=window.start, end=window.end),
            speech=[audio_pb2.TimeSpan(start=start, end=end) for start, end in window.speech],
        )
    )
    return config


def diarization_config(*, live: bool, speakers: int) -> diarization_pb2.DiarizationConfig:
    """First message of a `Diarize` stream."""
    mode = diarization_pb2.DIARIZATION_MODE_LIVE if live else diarization_pb2.DIARIZATION_MODE_FILE
    return diarization_pb2.DiarizationConfig(mode=mode, format=PCM, speakers=speakers)


def recognition_event(response: transcription_pb2.TranscribeResponse) -> RecognitionEvent | None:
    """An event of a `Transcribe` stream; None for one of a later version."""
    match response.WhichOneof("event"):
        case "segment":
            return _segment(response.segment)
        case "interim":
            return Interim(response.interim.text, response.interim.start, response.interim.end)
        case "progress":
            return Progress(response.progress.received_seconds, response.progress.processed_seconds)
        case "ready":
            return Ready(response.ready.served_by or response.ready.model)
        case "speech_started":
            return SpeechStarted(response.speech_started.time)
        case "speech_ended":
            return SpeechEnded(response.speech_ended.time)
        case "language_detected":
            return LanguageDetected(response.language_detected.language, response.language_detected.confidence)
        case "window":
            window = response.window
            return Planned(window.span.start, window.span.end, tuple((part.start, part.end) for part in window.speech))
        case "draining":
            return Draining(response.draining.processed_seconds)
        case "done":
            return Done(response.done.language, response.done.served_by)
    return None


def diarization_event(response: diarization_pb2.DiarizeResponse) -> DiarizationEvent | None:
    """An event of a `Diarize` stream that says something about speakers."""
    match response.WhichOneof("event"):
        case "turn":
            turn = response.turn
            return Turn(turn.start, turn.end, turn.speaker, turn.overlapped)
        case "speaker_merged":
            return Merged(getattr(response.speaker_merged, "from"), response.speaker_merged.into)
        case "horizon":
            return Horizon(response.horizon.time)
    return None


def runtime(
    response: transcription_pb2.TranscriptionServiceGetRuntimeResponse
    | diarization_pb2.DiarizationServiceGetRuntimeResponse,
) -> Runtime:
    """What a service of audio says of itself."""
    return _runtime(response.accelerators, response.load)


def summarizer_runtime(response: summarization_pb2.SummarizationServiceGetRuntimeResponse) -> Runtime:
    """What the service of summaries says of itself."""
    return replace(
        _runtime(response.accelerators, response.load),
        state=response.state or "ready",
        model=response.model,
        fetched=response.fetched_bytes,
        total=response.total_bytes,
    )


def model(row: transcription_pb2.Model) -> Model:
    """A row of the service's catalogue."""
    return Model(row.id, row.name, row.languages, row.speed, row.description, row.available, row.served_by)


def _runtime(accelerators: Iterable[audio_pb2.Accelerator], load: audio_pb2.Load) -> Runtime:
    gpu = next((each for each in accelerators if each.kind == "cuda"), None)
    return Runtime(
        gpu_name=None if gpu is None else gpu.name,
        gpu_memory=0 if gpu is None else gpu.memory_mebibytes,
        streams=load.streams,
        stream_limit=load.stream_limit,
        slots=load.slots,
        queued=load.queued,
        queue_limit=load.queue_limit,
        queue_delay=load.queue_delay_seconds,
        pace=load.pace,
        draining=load.draining,
    )


def _segment(segment: transcription_pb2.Segment) -> Segment:
    words = tuple(
        Word(word.text.strip(), word.start, word.end, _probability(word.confidence), word.space_before)
        for word in segment.words
        if word.text.strip()
    )
    return Segment(
        segment.text.strip(), segment.start, segment.end, words, _probability(segment.confidence), segment.language
    )


def _probability(value: float) -> float:
    return min(1.0, max(0.0, value))
