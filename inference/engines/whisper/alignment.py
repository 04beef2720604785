"""When each word was said, by the decoder's cross-attention and dynamic time warping."""

from collections.abc import Sequence
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations

from inference.types import Word

PREPENDED = "\"'“¿([{-"
APPENDED = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - punctuation of other scripts is meant
TOKENS_PER_SECOND = 50
UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km"})
"""Languages written without spaces between words."""


def align(
    model: ctranslate2.models.Whisper,
    encoded: ctranslate2.StorageView,
    tokens: Sequence[Sequence[int]],
    *,
    frames: Sequence[int],
    tokenizer: Tokenizer,
    known: int = 0,
) -> list[tuple[Word, ...]]:
    """Words of each row, times from the start of what was heard. Rows are of one language and none is empty.

    `known`: tokens at the start of each row whose words are not wanted.
    """
    results = model.align(
        encoded, list(tokenizer.sot_sequence), [list(row) for row in tokens], list(frames), median_filter_width=7
    )
    return [_words(result, list(row), tokenizer, known=known) for result, row in zip(results, tokens, strict=True)]


def _words(result: Any, tokens: list[int], tokenizer: Tokenizer, *, known: int) -> tuple[Word, ...]:
    texts, groups = tokenizer.split_to_word_tokens([*tokens[known:], tokenizer.eot])
    if len(groups) < 2:
        return ()
    edges = np.cumsum([known, *(len(group) for group in groups[:-1])])
    path = np.asarray(result.alignments)
    # The path enters each token at one frame: the first pair of that token.
    entered = np.concatenate(([True], np.diff(path[:, 0]) > 0))
    times = path[entered, 1] / TOKENS_PER_SECOND
    probabilities = np.asarray(result.text_token_probs)
    pieces: list[dict[str, Any]] = [
        {"word": text, "tokens": [(start, end)]}
        for text, start, end in zip(texts[:-1], edges[:-1], edges[1:], strict=True)
    ]
    merge_punctuations(pieces, PREPENDED, APPENDED)
    words: list[Word] = []
    for piece in (piece for piece in pieces if piece["word"].strip()):
        text: str = piece["word"]
        first, last = piece["tokens"][0][0], piece["tokens"][-1][1]
        word = Word(
            text=text.strip(),
            start=float(times[first]),
            end=float(times[last]),
            confidence=float(np.clip(probabilities[first:last].mean(), 0.0, 1.0)),
            space_before=text.startswith(" ") and spaced(text.strip(), tokenizer.language_code),
        )
        if words and not word.space_before and tokenizer.language_code not in UNSPACED:
            word = _joined(words.pop(), word)
        words.append(word)
    return tuple(words)


def spaced(text: str, language: str) -> bool:
    """Whether this word is set off by spaces in the language: Latin words inside Chinese are, Chinese ones are not."""
    return language not in UNSPACED or text[0].isascii()


def _joined(first: Word, second: Word) -> Word:
    """Two pieces of one word, such as `well` and `-known`."""
    lengths = len(first.text), len(second.text)
    return Word(
        text=first.text + second.text,
        start=first.start,
        end=second.end,
        confidence=float(np.average((first.confidence, second.confidence), weights=lengths)),
        space_before=first.space_before,
    )
