"""What Transcription counts for operators."""

from prometheus_client import Counter, Gauge, Histogram

from inference.events import Done

AUDIO_SECONDS = Counter("transcription_audio_seconds", "Audio of finished streams.", ("mode",))
SPEECH_SECONDS = Counter("transcription_speech_seconds", "Speech in it.", ("mode",))
DROPPED_SPANS = Counter("transcription_dropped_spans", "Spans whose text was judged to be no speech.", ("reason",))
QUEUE_SECONDS = Gauge(
    "transcription_queue_seconds",
    "Audio taken on and not worked off, of one recording at most an eighth of the bound.",
    ("model",),
)
QUEUE_AGE = Gauge("transcription_queue_age_seconds", "Time that the oldest window waits.", ("model",))
QUEUE_DELAY = Gauge("transcription_queue_delay_seconds", "Time that this takes, by the measured pace.", ("model",))
SLOTS_IN_USE = Gauge("transcription_slots_in_use", "Batches that run now.", ("model",))
BATCH_WINDOWS = Histogram("transcription_batch_windows", "Windows of a batch.", buckets=(1, 2, 4, 8, 16, 32, 64))
MODELS_LOADED = Gauge("transcription_models_loaded", "Models in memory.")


def note(done: Done, *, live: bool) -> None:
    """Count a finished stream."""
    mode = "live" if live else "file"
    AUDIO_SECONDS.labels(mode).inc(done.audio_seconds)
    SPEECH_SECONDS.labels(mode).inc(done.speech_seconds)
    for dropped in done.dropped:
        DROPPED_SPANS.labels(dropped.reason).inc()
