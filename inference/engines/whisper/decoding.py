"""From encoded rows to token sequences with their scores, failing rows decoded again."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np

from inference.engines.whisper.prompts import Prompts

MOST_TOKENS = 224
"""What Whisper writes at most for one window."""
MOST_COMPRESSION = 2.4
"""Text that zlib shrinks more than this repeats itself (Radford et al. 2022, section 4.5)."""
LEAST_LOG_PROBABILITY = -1.0
"""Below this average a decode has failed (the same section)."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A row's text, and how sure the decoder is."""

    tokens: tuple[int, ...]
    """Text tokens."""
    text: str
    log_probability: float
    """Average of a token."""
    no_speech: float
    """Probability that there is no speech at all."""
    compression: float
    """How many times zlib shrinks the text."""
    full: bool
    """Whether the decoder was stopped by the cap rather than by itself."""

    @property
    def loops(self) -> bool:
        """Whether the text repeats itself."""
        return self.compression > MOST_COMPRESSION or self.full

    @property
    def silent(self) -> bool:
        """Whether nothing is said, by the decoder's own judgement."""
        return self.no_speech > 0.6 and self.log_probability < LEAST_LOG_PROBABILITY

    @property
    def failed(self) -> bool:
        """Whether another way of decoding should be tried."""
        return not self.silent and (self.loops or self.log_probability < LEAST_LOG_PROBABILITY)


@dataclass(frozen=True, slots=True)
class Search:
    """How to look for the best text. Equal for all rows of a call."""

    beam: int = 5
    most_tokens: int = MOST_TOKENS
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0


def rows(encoded: ctranslate2.StorageView, indices: Sequence[int]) -> ctranslate2.StorageView:
    """The given rows of an encoder output, wherever it lies."""
    if list(indices) == list(range(encoded.shape[0])):
        return encoded
    if encoded.device != "cpu":
        encoded = encoded.to_device(ctranslate2.Device.cpu)
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[list(indices)]))


def compression(text: str) -> float:
    """How many times zlib shrinks `text`."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


class Decoder:
    """The decoding half of the model."""

    def __init__(self, model: ctranslate2.models.Whisper, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts

    def decode(
        self, encoded: ctranslate2.StorageView, prompts: Sequence[list[int]], *, search: Search, known: int = 0
    ) -> list[Hypothesis]:
        """One hypothesis a row, of what follows its prompt; all prompts are of one length.

        `known`: text tokens at the end of each prompt, behind which the answer goes on.
        """
        length = len(prompts[0])
        # CTranslate2 stops at the smaller of half of max_length and max_length less the prompt.
        limit = min(2 * MOST_TOKENS, max(2 * search.most_tokens, search.most_tokens + length))
        results = self._model.generate(
            encoded,
            list(prompts),
            beam_size=search.beam,
            max_length=limit,
            repetition_penalty=search.repetition_penalty,
            no_repeat_ngram_size=search.no_repeat_ngram,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._prompts.suppressed,
        )
        cap = min(limit // 2, limit - length)
        return [self._hypothesis(result, cap, known) for result in results]

    def _hypothesis(self, result: Any, cap: int, known: int) -> Hypothesis:
        # CTranslate2 gives the known tokens back with the new ones, counts both in the length, scores only the latter.
        written: list[int] = result.sequences_ids[0]
        tokens = self._prompts.text_tokens(written[known:])
        text: str = self._prompts.tokenizer("en").decode(tokens)
        return Hypothesis(
            tokens=tuple(tokens),
            text=text.strip(),
            # The score is divided by the length without the end token, which was scored too.
            log_probability=float(result.scores[0]) * len(written) / (len(written) - known + 1),
            no_speech=float(result.no_speech_prob),
            compression=compression(text.strip()),
            full=len(written) >= cap,
        )
