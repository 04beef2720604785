"""What the decoder is told before it writes: earlier text, custom words, language and task."""

from functools import lru_cache

import tokenizers
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from inference.engines.whisper.alignment import UNSPACED
from inference.types import DecodingOptions

MOST_PROMPT_TOKENS = 223
"""Half of the decoder's positions less one: the other half is for the answer."""


class Prompts:
    """Token sequences for one model; immutable and shared by threads."""

    def __init__(self, vocabulary: tokenizers.Tokenizer, *, multilingual: bool) -> None:
        self._vocabulary = vocabulary
        self.multilingual = multilingual
        self.tokenizer = lru_cache(maxsize=None)(self._tokenizer)
        self.suppressed: list[int] = list(get_suppressed_tokens(self._tokenizer("en"), [-1]))

    def _tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(self._vocabulary, self.multilingual, task="transcribe", language=language)

    def start(self, language: str) -> list[int]:
        """The start sequence alone: start of transcript, language, task."""
        return list(self.tokenizer(language).sot_sequence)

    def before(self, options: DecodingOptions) -> list[int]:
        """Custom words, then the end of the text before; empty without both.

        Its length decides which rows may share a batch: the decoder wants the start at one position in all of them.
        """
        tokenizer = self.tokenizer("en")
        hotwords = tokenizer.encode(" " + options.hotwords.strip()) if options.hotwords.strip() else []
        prompt = tokenizer.encode(" " + options.prompt.strip()) if options.prompt.strip() else []
        hotwords = hotwords[:MOST_PROMPT_TOKENS]
        # Custom words are asked for by the user: they stay, the oldest text gives way.
        room = MOST_PROMPT_TOKENS - len(hotwords)
        tokens = hotwords + (prompt[-room:] if room else [])
        return [tokenizer.sot_prev, *tokens] if tokens else []

    def complete(self, before: list[int], language: str) -> list[int]:
        """The whole prompt of a row. Times come from alignment, which is finer than timestamp tokens."""
        return [*before, *self.start(language), self.tokenizer(language).no_timestamps]

    def known(self, text: str, language: str) -> list[int]:
        """The text of a lead as the decoder would have written it."""
        return list(self.tokenizer(language).encode(text if language in UNSPACED else f" {text}"))

    def text_tokens(self, tokens: list[int]) -> list[int]:
        """Only those tokens that are text."""
        end = self.tokenizer("en").eot
        return [token for token in tokens if token < end]
