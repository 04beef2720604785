"""Finding the language of windows.

Two seconds of speech tell Whisper's encoder little, and where they lie in its input changes the answer. A short window
is therefore looked at twice, at the start of a blank input and after some silence, and the scores are averaged: on
cuts of 1 and 2 s of ten languages that was right more often than either alone. Where both together are not sure, the
usual 30 s input is looked at as well, and the same speech said a tenth slower and a tenth faster, as by other voices:
test-time augmentation by speed perturbation (Ko et al., Audio augmentation for speech recognition, Interspeech 2015).
All five looks count alike.

What a short window leaves open is decided by how often a language is spoken to Whisper: rare ones are where its errors
go. `bench --only accuracy` has the figures beside faster-whisper's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from inference.engines.whisper.encoding import Encoder
from inference.engines.whisper.features import FULL_FRAMES, FULL_SECONDS, Features, context_frames
from inference.engines.whisper.ladder import Tuning
from inference.languages import LANGUAGES
from inference.types import SAMPLE_RATE, Window

SHORT = 8.0
"""Seconds up to which a window is looked at twice."""
LEAD = 2.0
"""Seconds of silence before it the second time."""
PAD = 3.0
"""Seconds of nothing after it, at least."""
SURE = 0.6
"""Probability of the best language from which on two looks are enough."""
SPEEDS = (0.9, 1.1)
"""Times its speed at which speech is looked at again."""
COMMON = 10
"""Languages at the head of Whisper's list that are expected equally."""


EXPECTATION: Mapping[str, float] = {
    # Cantonese stands last because it came last.
    code: 1 / max(COMMON, 0 if code == "yue" else rank)
    for rank, code in enumerate(LANGUAGES, start=1)
}


class Languages:
    """Scores languages; immutable and shared by threads."""

    def __init__(
        self,
        model: ctranslate2.models.Whisper,
        encoder: Encoder,
        features: Features,
        *,
        tuning: Tuning,
        max_batch: int,
    ) -> None:
        self._model = model
        self._encoder = encoder
        self._features = features
        self._tuning = tuning
        # One by one on a CPU: float sums depend on the shape of a batch in the last digit, and nothing is won by more.
        self._batch = 1 if model.device == "cpu" else max_batch

    def score(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        """Probabilities of the languages of each window, each as if scored alone."""
        scores = self._look(windows)
        for index, window in enumerate(windows):
            if window.duration <= SHORT and max(scores[index].values()) < SURE:
                scores[index] = _mean([scores[index], scores[index], *self._look_again(window)])
        return [
            expected(found) if window.duration <= SHORT else found
            for window, found in zip(windows, scores, strict=True)
        ]

    def _look(self, windows: Sequence[Window]) -> list[dict[str, float]]:
        views: dict[int, list[tuple[int, NDArray[np.float32]]]] = defaultdict(list)
        for index, window in enumerate(windows):
            frames = self._frames(min(window.duration, FULL_SECONDS))
            views[frames].append((index, self._features.log_mel(window, frames, blank=True)))
            if window.duration <= SHORT:
                views[frames].append((index, self._features.log_mel(_later(window), frames)))
        found: list[list[dict[str, float]]] = [[] for _ in windows]
        for members in views.values():
            for first in range(0, len(members), self._batch):
                batch = members[first : first + self._batch]
                encoded = self._encoder([mel for _, mel in batch])
                for (index, _), scores in zip(batch, self._model.detect_language(encoded), strict=True):
                    found[index].append(as_scores(scores))
        return [_mean(views_of_one) for views_of_one in found]

    def _look_again(self, window: Window) -> list[dict[str, float]]:
        frames = self._frames(window.duration)
        views = [self._features.log_mel(at_speed(window, speed), frames, blank=True) for speed in SPEEDS]
        views.append(self._features.log_mel(window, FULL_FRAMES))
        return [as_scores(self._model.detect_language(self._encoder([mel]))[0]) for mel in views]

    def _frames(self, duration: float) -> int:
        if not self._tuning.short_context:
            return FULL_FRAMES
        # The same for both looks at a short window, and for all short windows.
        return context_frames(max(duration, SHORT) + LEAD, pad=PAD, step=self._tuning.step)


def as_scores(found: Sequence[tuple[str, float]]) -> dict[str, float]:
    """What CTranslate2 found, by bare code."""
    return {token[2:-2]: float(probability) for token, probability in found}


def expected(scores: Mapping[str, float]) -> dict[str, float]:
    """The scores of a short window times how far each language was to be expected; they sum to 1 again.

    Whisper's list goes from the language it learned most of to the least, and use falls with rank as Zipf's law has it.
    """
    weighed = {code: score * EXPECTATION.get(code, min(EXPECTATION.values())) for code, score in scores.items()}
    total = sum(weighed.values()) or 1.0
    return {code: score / total for code, score in weighed.items()}


def _later(window: Window) -> Window:
    lead = np.zeros(round(LEAD * SAMPLE_RATE), np.int16)
    return Window(window.start - LEAD, np.concatenate([lead, window.pcm]), window.speech)


def at_speed(window: Window, speed: float) -> Window:
    """The same speech slower or faster, and as much lower or higher."""
    count = len(window.pcm)
    # One sample more, so that there is one: a window may be empty.
    pcm = np.interp(np.arange(int(count / speed)) * speed, np.arange(count + 1), np.append(window.pcm, np.int16(0)))
    return replace(window, pcm=pcm.astype(np.int16))


def _mean(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {language: sum(one[language] for one in scores) / len(scores) for language in scores[0]}
