"""A live stream of the embedded engine: what a recording's end would say now, said again whenever more is heard."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.engines.diarization import DiarizationOptions, Settled
from inference.engines.embedded.channel import bands, centred, channel_of
from inference.engines.embedded.decoding import Decoder, Stretch, turns_of
from inference.engines.embedded.gathering import CLEAR, Voices
from inference.engines.embedded.known import KnownVoices
from inference.engines.embedded.networks import HOP, VOICES, WINDOW, WINDOW_FRAMES, Activity, Embeddings
from inference.engines.embedded.runs import Piece, Run
from inference.engines.embedded.stream import EmbeddedStream
from inference.engines.embedded.tracks import frame_count, frame_time
from inference.types import SAMPLE_RATE, Pcm, Turn

LAG = 20.0
"""Seconds that a frame is settled before its turn is final: by then a voice has been heard in more than one turn."""
_SLACK = 4
"""Frames that a piece may be off to be taken for one that has a vector already."""
_CONTEXT = 60 * SAMPLE_RATE // HOP
"""Frames whose pieces are used to judge the newest runs."""
_FEW = 300
"""Pieces that are clustered at every look."""
_STEPS = 2
"""Windows of the recording between two clusterings of all pieces."""


class LiveStream(EmbeddedStream):
    """The recording's own path goes on as for a file, ten seconds behind; a window that ends now is read besides."""

    def __init__(self, options: DiarizationOptions, *, limit: int) -> None:
        super().__init__(options, limit=limit)
        self._tick = round(min(1.0, options.latency / 2) * SAMPLE_RATE)
        self._now = 0
        self._horizon = 0.0
        self._known = KnownVoices(options.speakers or limit)
        self._runs_ahead: list[Run] = []
        self._ahead: list[Piece] = []
        self._vectors_ahead: dict[tuple[int, int], Embeddings] = {}
        self._drafting: list[Piece] = []
        self._looking = self._draft = self._flush = False
        self._seen: Activity = np.zeros((WINDOW_FRAMES, VOICES), np.float32)
        self._steps = 0

    def flush(self) -> None:
        """Make final what was said up to the last look."""
        if self._now:
            self._foresee()
            self._flush = True

    @property
    def wanted(self) -> int:
        """Samples to push before there is something to do."""
        if self._finished or self._waiting or self._drafting or self._draft:
            return 0
        return max(0, min(self._window + WINDOW, self._now + self._tick) - self._tape.end)

    def next_window(self) -> NDArray[np.int16] | None:
        """Return the next window to be looked at, the recording's own or the newest, whichever is due first."""
        self._looking = False
        if self._drafting:
            return None
        due = self._now + self._tick
        if self._finished or self._waiting or self._window + WINDOW <= due:
            return super().next_window()
        if self._tape.end < due:
            return None
        self._looking = True
        self._now = due
        start = self._look_start
        pcm = self._tape.read(start, min(due, start + WINDOW))
        return np.pad(pcm, (0, WINDOW - len(pcm)))

    def see(self, activity: Activity) -> None:
        """Take what the network says about the window."""
        if not self._looking:
            super().see(activity)
            self._steps += 1
        else:
            self._seen = activity
            self._foresee()

    def _foresee(self) -> None:
        """Find the runs between what is settled and the last look, and which of their pieces have no vector yet."""
        frames = max(self._tracker.settled, frame_count(self._now))
        labels = self._tracker.foresee(self._seen, self._look_start // HOP, frames)
        self._runs_ahead, self._ahead = self._runs.foresee(labels)
        self._vectors_ahead = {(p.start, p.end): v for p in self._ahead if (v := self._vector_near(p)) is not None}
        self._drafting = [piece for piece in self._ahead if (piece.start, piece.end) not in self._vectors_ahead]
        self._draft = True

    def next_pieces(self, most: int) -> list[Pcm]:
        """Return the audio of the next pieces that have no vector yet."""
        return super().next_pieces(most) if self._waiting else [self._audio(piece) for piece in self._drafting[:most]]

    def hear(self, vectors: Embeddings) -> None:
        """Take the vectors of those pieces."""
        if self._waiting:
            super().hear(vectors)
            return
        for piece, vector in zip(self._drafting, vectors, strict=False):
            self._vectors_ahead[piece.start, piece.end] = vector
        self._drafting = self._drafting[len(vectors) :]

    def conclude(self) -> None:
        """Say what is known now, if nothing is left to be looked at first."""
        if self._waiting or self._drafting:
            return
        if self._draft:
            self._tell(final=self._now / SAMPLE_RATE if self._flush else frame_time(self._tracker.settled) - LAG)
            self._draft = self._flush = False
        super().conclude()

    @property
    def _look_start(self) -> int:
        return max(0, (self._now - WINDOW) // HOP * HOP)

    def _forget(self, needed: int) -> None:
        # The window that ends now begins before the recording's next one.
        super()._forget(min(needed, max(0, self._now + self._tick - WINDOW - HOP)))

    def _vector_near(self, piece: Piece) -> Embeddings | None:
        for (start, end), vector in self._vectors_ahead.items():
            if abs(start - piece.start) <= _SLACK and abs(end - piece.end) <= _SLACK:
                return vector
        return None

    def _learn(self, fresh: Embeddings) -> None:
        """Find the voices anew: in all pieces while they are few, else in the settled ones now and then."""
        now = self._now / SAMPLE_RATE
        few = len(self._gathering.pieces) + len(self._ahead) <= _FEW
        if few or self._steps >= _STEPS:
            self._steps = 0
            limit = self._options.speakers or self._limit
            if few:
                voices = self._gathering.voices(
                    speakers=0, limit=limit, early=True, ahead=self._ahead, vectors_ahead=fresh
                )
            else:
                voices = self._gathering.voices(speakers=0, limit=limit)
            sizes = np.bincount(voices.scores.argmax(axis=1), minlength=len(voices.centres)).astype(np.float64)
            self._events += self._known.learn(voices.centres, np.maximum(sizes, 1.0), now=now)
        if not few:
            clear = np.array([piece.length >= CLEAR for piece in self._ahead], bool)
            seconds = np.array([piece.length for piece in self._ahead]) * HOP / SAMPLE_RATE
            self._known.meet(fresh[clear], seconds[clear], now=now)

    def _tell(self, *, final: float) -> None:
        """Give all turns after the horizon anew, final ones up to `final`, then move the horizon there."""
        final = max(self._horizon, min(final, self._now / SAMPLE_RATE))
        self._events += _split(self._ahead_turns(), self._horizon, final)
        self._horizon = final
        self._events.append(Settled(final))

    def _tell_all(self, stretches: list[Stretch], voices: Voices) -> None:
        numbers = self._known.number_of(voices.centres)
        turns = turns_of(stretches, self._tape.end, dict(enumerate(numbers)))
        self._events += _split(turns, self._horizon, self._tape.end / SAMPLE_RATE)

    def _ahead_turns(self) -> list[Turn]:
        recent = self._recent()
        old = self._gathering.vectors(recent)
        ahead = [self._vectors_ahead[piece.start, piece.end] for piece in self._ahead]
        pieces = [*self._gathering.pieces[recent:], *self._ahead]
        if not pieces:
            return []
        fresh = self._fresh(ahead)
        self._learn(fresh)
        centres = self._known.centres
        if not len(centres):
            return []
        vectors = np.concatenate([old, fresh])
        begun = next((i for i, run in enumerate(self._runs.runs) if frame_time(run.end) > self._horizon), None)
        first = len(self._runs.runs) if begun is None else begun
        runs = [*self._runs.runs[first:], *self._runs_ahead]
        moved = [replace(piece, run=piece.run - first) for piece in pieces]
        stretches = Decoder(runs, moved, Voices(centres, np.asarray(vectors @ centres.T, np.float32))).stretches()
        return turns_of(stretches, self._now, dict(enumerate(self._known.numbers)))

    def _fresh(self, ahead: list[Embeddings]) -> Embeddings:
        if not ahead:
            return np.zeros((0, 192), np.float32)
        if self._gathering.pieces:
            return centred(np.stack(ahead), self._gathering.channel)
        return centred(np.stack(ahead), channel_of(bands([self._audio(piece) for piece in self._ahead])))

    def _recent(self) -> int:
        """Return the index of the first piece that still says something about what is open."""
        floor = self._tracker.settled - _CONTEXT
        pieces = self._gathering.pieces
        low = len(pieces)
        while low > 0 and pieces[low - 1].end > floor:
            low -= 1
        return low


def _split(turns: list[Turn], start: float, final: float) -> list[Turn]:
    """Return what lies after `start`: final up to `final`, provisional after it."""
    spans = ((start, final, False), (final, np.inf, True))
    cut = (
        replace(turn, start=max(turn.start, low), end=min(turn.end, high), provisional=provisional)
        for turn in turns
        for low, high, provisional in spans
    )
    return [turn for turn in cut if turn.end > turn.start]
