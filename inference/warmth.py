"""The first inference of an engine, on a made-up window, so that `ready` means that it works."""

import numpy as np

from inference.engines import TranscriptionEngine
from inference.types import SAMPLE_RATE, DecodingOptions, Span, Window

SECONDS = 2.0


def warm_up(engine: TranscriptionEngine) -> None:
    """Decode a made-up window, as a final and as a draft. Blocks; raises whatever the engine raises."""
    window = synthetic_window()
    languages = engine.capabilities.languages
    language = "en" if "en" in languages else languages[0]
    for options in (DecodingOptions(language=language), DecodingOptions(language=language, draft=True, words=False)):
        engine.transcribe([window], [options])


def synthetic_window() -> Window:
    """Make a buzz with the rhythm of syllables."""
    time = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)
    pcm = np.asarray(buzz * syllables * 6000, np.int16)
    return Window(0.0, pcm, (Span(0.0, SECONDS),))
