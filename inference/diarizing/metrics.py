"""What Diarization counts for operators."""

from prometheus_client import Counter, Gauge

AUDIO_SECONDS = Counter("diarization_audio_seconds", "Audio of finished streams.", ("engine", "mode"))
SPEECH_SECONDS = Counter("diarization_speech_seconds", "Speech in it.", ("engine", "mode"))
QUEUE_SECONDS = Gauge("diarization_queue_seconds", "Audio that waits.", ("engine",))
QUEUE_AGE = Gauge("diarization_queue_age_seconds", "Time that the longest waiting stream waits.", ("engine",))
SLOTS_IN_USE = Gauge("diarization_slots_in_use", "Calls of the engine that run now.", ("engine",))
