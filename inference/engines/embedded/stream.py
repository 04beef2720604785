"""A stream of the embedded engine: audio becomes frames, frames become runs and pieces, pieces become vectors."""

import numpy as np
from numpy.typing import NDArray

from inference.engines.diarization import DiarizationEvent, DiarizationOptions
from inference.engines.embedded.channel import bands
from inference.engines.embedded.decoding import Decoder, Stretch, by_first_speech, turns_of
from inference.engines.embedded.features import PIECE
from inference.engines.embedded.gathering import Gathering, Voices
from inference.engines.embedded.networks import HOP, WINDOW, Activity, Embeddings
from inference.engines.embedded.runs import Piece, Runs
from inference.engines.embedded.tracks import STEP, Tracker, frame_count, frame_sample
from inference.tape import Tape
from inference.types import SAMPLE_RATE, Pcm


class EmbeddedStream:
    """Holds the last seconds of audio, what the networks said about the rest, and nothing else."""

    def __init__(self, options: DiarizationOptions, *, limit: int) -> None:
        self._options = options
        self._limit = limit
        self._tape = Tape()
        self._tracker = Tracker()
        self._runs = Runs()
        self._window = 0
        self._finished = False
        self._framed = False
        self._done = False
        self._waiting: list[Piece] = []
        self._gathering = Gathering()
        self._events: list[DiarizationEvent] = []

    def push(self, pcm: Pcm) -> None:
        """Take the next samples."""
        self._tape.append(pcm)

    def flush(self) -> None:
        """Do nothing: no turn of a recording is final before its end."""

    def finish(self) -> None:
        """Say that no more audio comes."""
        self._finished = True

    @property
    def wanted(self) -> int:
        """Samples to push before there is something to do."""
        if self._finished or self._waiting:
            return 0
        return max(0, self._window + WINDOW - self._tape.end)

    @property
    def done(self) -> bool:
        """Whether the turns are there."""
        return self._done

    @property
    def speech_seconds(self) -> float:
        """Audio with speech so far."""
        return self._runs.speech * HOP / SAMPLE_RATE

    def take(self) -> list[DiarizationEvent]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def next_window(self) -> NDArray[np.int16] | None:
        """Return the next window to be looked at, or None if its audio is not there yet."""
        if self._waiting or self._framed:
            return None
        if self._tape.end < self._window + WINDOW:
            if not self._finished:
                return None
            # The last window of a finished stream is the one that reaches its end.
            if self._tape.end <= (self._window - STEP + WINDOW if self._window else 0):
                self._close()
                return None
        pcm = self._tape.read(self._window, self._window + WINDOW)
        return np.pad(pcm, (0, WINDOW - len(pcm)))

    def see(self, activity: Activity) -> None:
        """Take what the network says about the window."""
        self._waiting += self._runs.add(self._tracker.add(activity))
        self._window += STEP

    def _close(self) -> None:
        self._framed = True
        frames = max(frame_count(self._tape.end), self._tracker.settled)
        self._waiting += self._runs.add(self._tracker.finish(frames)) + self._runs.finish()

    def next_pieces(self, most: int) -> list[Pcm]:
        """Return the audio of the next pieces that have no vector yet."""
        return [self._audio(piece) for piece in self._waiting[:most]]

    def hear(self, vectors: Embeddings) -> None:
        """Take the vectors of those pieces."""
        measured = bands(self.next_pieces(len(vectors)))
        done, self._waiting = self._waiting[: len(vectors)], self._waiting[len(vectors) :]
        self._gathering.add(done, vectors, measured)
        self._forget(frame_sample(min((piece.start for piece in self._waiting), default=self._runs.needed)))

    def conclude(self) -> None:
        """Turn all of a finished stream into turns, if nothing else is left to do."""
        if not self._framed or self._waiting or self._done:
            return
        self._done = True
        if self._gathering.pieces:
            voices = self._gathering.voices(speakers=self._options.speakers, limit=self._limit)
            stretches = Decoder(self._runs.runs, self._gathering.pieces, voices).stretches()
            self._tell_all(stretches, voices)

    def _tell_all(self, stretches: list[Stretch], voices: Voices) -> None:
        self._events += turns_of(stretches, self._tape.end, by_first_speech(stretches))

    def _forget(self, needed: int) -> None:
        """Let go of the audio before a sample that no piece needs, and that no window does."""
        self._tape.forget(min(self._window, needed))

    def _audio(self, piece: Piece) -> Pcm:
        start, end = frame_sample(piece.start), frame_sample(piece.end)
        whole = end - start >= PIECE - HOP
        return self._tape.read(start, max(end, start + PIECE) if whole else end)
