"""Whisper by CTranslate2, with the features and tokenizer of faster-whisper: windows in, words out."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeAlias

import ctranslate2
import tokenizers
from faster_whisper.tokenizer import _LANGUAGE_CODES

from inference import heap
from inference.engines import TranscriptionCapabilities, TranscriptionEngine
from inference.engines.whisper.alignment import align
from inference.engines.whisper.decoding import Decoder, Hypothesis, rows
from inference.engines.whisper.encoding import Encoder
from inference.engines.whisper.features import FRAMES_PER_SECOND, Features
from inference.engines.whisper.halving import confidence, halves, joined, letters
from inference.engines.whisper.ladder import Rung, Tuning, ladder
from inference.engines.whisper.languages import SHORT, Languages, as_scores
from inference.engines.whisper.prompts import Prompts
from inference.engines.whisper.result import decoded
from inference.engines.whisper.row import Row
from inference.timing import refine
from inference.types import Decoded, DecodingOptions, LanguageScores, Window, Word

TRIMMED_FRAMES = 2_500
"""Encoder lengths from which on a CPU's memory is given back after each batch: the attention of 30 s leaves much."""
FEWEST_FRAMES = 10
"""Mel frames that alignment needs."""

_Heard: TypeAlias = tuple[ctranslate2.StorageView, list[Hypothesis]]
"""What an encoder made of a group of rows, and a decoder of that."""


def build(
    folder: Path, *, device: str, compute_type: str, workers: int, threads: int, max_batch: int
) -> TranscriptionEngine:
    """Load the weights of `folder`; see `FasterWhisperEngine.load`."""
    return FasterWhisperEngine.load(
        folder, device=device, compute_type=compute_type, workers=workers, threads=threads, max_batch=max_batch
    )


class FasterWhisperEngine:
    """One loaded model, shared by all sessions and immutable. See `TranscriptionEngine`."""

    def __init__(
        self,
        model: ctranslate2.models.Whisper,
        vocabulary: tokenizers.Tokenizer,
        *,
        workers: int,
        max_batch: int,
        tuning: Tuning,
    ) -> None:
        codes = tuple(code for code in _LANGUAGE_CODES if vocabulary.token_to_id(f"<|{code}|>") is not None)
        self.capabilities = TranscriptionCapabilities(
            languages=codes if model.is_multilingual else ("en",),
            max_batch=max_batch,
            workers=workers,
            device=model.device,
        )
        self._model = model
        self._prompts = Prompts(vocabulary, multilingual=model.is_multilingual)
        self._features = Features(model.n_mels)
        self._decoder = Decoder(model, self._prompts)
        self._tuning = tuning
        self._encoder = Encoder(model)
        self._languages = Languages(model, self._encoder, self._features, tuning=tuning, max_batch=max_batch)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "auto",
        compute_type: str = "default",
        workers: int = 1,
        threads: int = 1,
        max_batch: int = 8,
        tuning: Tuning | None = None,
    ) -> Self:
        """Load a folder with `model.bin`, `config.json`, `tokenizer.json` and a vocabulary.

        `device` is `cpu`, `cuda` or `auto`; `compute_type` `default` is int8 on a CPU and float16 on a GPU.
        `workers` calls run at once, each on `threads` threads of its own. Raises `RuntimeError` for bad weights.
        """
        if device == "auto":
            device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        if compute_type == "default":
            compute_type = "int8" if device == "cpu" else "float16"
        model = ctranslate2.models.Whisper(
            str(folder), device=device, compute_type=compute_type, inter_threads=workers, intra_threads=threads
        )
        vocabulary = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tuning = tuning or Tuning(short_context=device == "cpu")
        return cls(model, vocabulary, workers=workers, max_batch=max_batch, tuning=tuning)

    def bucket(self, window: Window, options: DecodingOptions) -> Hashable:
        """What must be equal for windows to share one pass of the model.

        `transcribe` takes any mix and splits it by this; a scheduler that groups by it gets fuller batches.
        """
        return _key(self._row(window, options))

    def detect(self, windows: Sequence[Window]) -> list[LanguageScores]:
        """Score the languages of each window."""
        if not self._model.is_multilingual:
            return [LanguageScores({"en": 1.0}) for _ in windows]
        return [LanguageScores(scores) for scores in self._languages.score(windows)]

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        """Decode a batch: one result a window, in order, each the same as if decoded alone.

        Raises `ValueError` for a language that the model does not know.
        """
        made = [self._row(window, wanted) for window, wanted in zip(windows, options, strict=True)]
        while unsettled := [row for row in made if not row.settled]:
            for group in self._groups(unsettled):
                self._attempt(group)
        results = self._with_leads(made)
        spoilt = [index for index, row in enumerate(made) if row.overflows or row.skips]
        parts = [part for index in spoilt for part in halves(made[index].window)]
        again = [replace(made[index].options, language=made[index].language) for index in spoilt for _ in range(2)]
        decoded_parts = iter(self._parts(parts, again))
        for index in spoilt:
            better = joined(next(decoded_parts), next(decoded_parts))
            if made[index].overflows or letters(better) > letters(results[index]):
                results[index] = better
        return results

    def _parts(self, parts: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        """Results of parts of windows: together, or each by itself where other cores have nothing to do."""
        if not parts:
            return []
        if self._model.device != "cpu" or self.capabilities.workers == 1 or self._model.num_active_batches:
            return self.transcribe(parts, options)
        with ThreadPoolExecutor(len(parts), thread_name_prefix="part") as threads:
            return list(threads.map(lambda part, wanted: self.transcribe([part], [wanted])[0], parts, options))

    def close(self) -> None:
        """Free the weights. No call may be running."""
        self._model.unload_model()

    def _with_leads(self, made: Sequence[Row]) -> list[Decoded]:
        """The results; where a lead may have led astray, of two: nothing, if the window alone says nothing."""
        doubtful = [row for row in made if row.doubtful]
        bare = [replace(row.window, lead=None) for row in doubtful]
        options = [replace(row.options, language=row.language) for row in doubtful]
        again = iter(self.transcribe(bare, options) if doubtful else ())
        results = []
        for row in made:
            result = self._result(row)
            if row.doubtful:
                alone = replace(next(again), language_probability=row.scores[row.language])
                result = (
                    alone if row.misled or confidence(alone) >= confidence(result) or not alone.segments else result
                )
            results.append(result)
        return results

    def _row(self, window: Window, options: DecodingOptions) -> Row:
        if options.language and options.language not in self.capabilities.languages:
            raise ValueError(f"the model does not know the language {options.language!r}")
        language = options.language or ("" if self._model.is_multilingual else "en")
        return Row(
            window=window,
            options=options,
            before=self._prompts.before(options),
            known=self._prompts.known(window.lead.text, window.lead.language) if window.lead else [],
            rungs=ladder(window, options, self._tuning),
            scores={language: 1.0} if language else {},
        )

    def _groups(self, made: Iterable[Row]) -> list[list[Row]]:
        """Rows that can go through the model together, each group no larger than a batch."""
        groups: dict[Hashable, list[Row]] = defaultdict(list)
        for row in made:
            groups[_key(row)].append(row)
        size = self.capabilities.max_batch
        return [group[first : first + size] for group in groups.values() for first in range(0, len(group), size)]

    def _detect(self, group: Sequence[Row], encoded: ctranslate2.StorageView) -> None:
        """Score the languages of the rows that do not know theirs: long ones by what is encoded anyway."""
        for index, row in enumerate(group):
            if not row.scores and row.window.lead_seconds + row.window.duration > SHORT:
                row.scores = as_scores(self._model.detect_language(rows(encoded, [index]))[0])
        short = [row for row in group if not row.scores]
        heard = [replace(row.window, pcm=row.window.heard, lead=None) for row in short]
        for row, scored in zip(short, self._languages.score(heard), strict=True):
            row.scores = scored

    def _attempt(self, group: Sequence[Row]) -> None:
        """Decode rows in the next way of each, and align those that are settled by it."""
        rungs = group[0].due if len(group) == 1 else group[0].rungs[:1]
        for rung, (encoded, hypotheses) in zip(rungs, self._heard(group, rungs), strict=True):
            if rung is rungs[0] or not group[0].settled:
                self._take(group, rung, encoded, hypotheses)

    def _heard(self, group: Sequence[Row], rungs: Sequence[Rung]) -> list[_Heard]:
        """What the rows say in each of the ways: several are tried at once, as far as there are cores."""
        if len(rungs) == 1:
            return [self._hear(group, rungs[0])]
        with ThreadPoolExecutor(len(rungs), thread_name_prefix="opinion") as threads:
            return list(threads.map(lambda rung: self._hear(group, rung), rungs))

    def _hear(self, group: Sequence[Row], rung: Rung) -> _Heard:
        encoded = self._encoder([self._features.log_mel(row.window, rung.frames) for row in group])
        self._detect(group, encoded)
        prompts = [self._prompts.complete(row.before, row.language) + row.known for row in group]
        return encoded, self._decoder.decode(encoded, prompts, search=rung.search, known=len(group[0].known))

    def _take(
        self,
        group: Sequence[Row],
        rung: Rung,
        encoded: ctranslate2.StorageView,
        hypotheses: Sequence[Hypothesis],
    ) -> None:
        spoken: dict[str, list[int]] = defaultdict(list)
        for index, (row, hypothesis) in enumerate(zip(group, hypotheses, strict=True)):
            row.offer(hypothesis)
            row.rungs.pop(0)
            if row.settled and row.tokens and (row.options.words or not row.options.draft):
                spoken[row.language].append(index)
        for language, indices in self._aligned_together(spoken):
            aligned = align(
                self._model,
                rows(encoded, indices),
                [(*group[index].known, *group[index].tokens) for index in indices],
                frames=[_spoken_frames(group[index].window, rung.frames) for index in indices],
                tokenizer=self._prompts.tokenizer(language),
                known=len(group[0].known),
            )
            for index, words in zip(indices, aligned, strict=True):
                group[index].words = _since(group[index].window.lead_seconds, words)
        if self._model.device == "cpu" and 2 * encoded.shape[1] >= TRIMMED_FRAMES:
            heap.trim()

    def _aligned_together(self, spoken: Mapping[str, list[int]]) -> Iterable[tuple[str, list[int]]]:
        """Rows by language; on a CPU each alone, where more at once win no time and take 40 MiB each."""
        if self._model.device == "cpu":
            return ((language, [index]) for language, indices in spoken.items() for index in indices)
        return spoken.items()

    def _result(self, row: Row) -> Decoded:
        if row.hypothesis is None:
            raise RuntimeError("a row was left undecoded")
        return decoded(
            row.window,
            row.hypothesis,
            refine(row.words, row.window),
            language=(row.language, row.scores[row.language]),
            keep_words=row.options.words,
        )


def _since(lead_seconds: float, words: Sequence[Word]) -> tuple[Word, ...]:
    """The same words with times from the end of the lead."""
    return tuple(replace(word, start=word.start - lead_seconds, end=word.end - lead_seconds) for word in words)


def _spoken_frames(window: Window, frames: int) -> int:
    """Mel frames that hold audio rather than padding."""
    return min(frames, max(FEWEST_FRAMES, int((window.lead_seconds + window.duration) * FRAMES_PER_SECOND)))


def _key(row: Row) -> Hashable:
    return row.rungs[0], len(row.before), len(row.known)
