"""Listening: the part of a session that hears audio and cuts it into windows. Blocks: call it from a worker thread."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from inference.endpointing import Began, Boundary, Cut, Ended, Endpointer, EndpointingPolicy
from inference.events import SpeechEnded, SpeechStarted
from inference.tape import Tape
from inference.types import SAMPLE_RATE, Pcm, Span, Window
from inference.voice import FRAME, Frames, VoiceDetector

Heard: TypeAlias = Window | SpeechStarted | SpeechEnded


@dataclass(frozen=True, slots=True)
class OpenSpeech:
    """Speech that no window holds yet."""

    start: float
    speech: tuple[Span, ...]


class Hears(Protocol):
    """What a session of a recording asks of whatever turns its audio into windows."""

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        ...

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech in the windows so far."""
        ...

    @property
    def needed(self) -> float:
        """Seconds before which no later window holds audio."""
        ...

    def append(self, pcm: Pcm) -> bool:
        """Take the next samples and say whether there is something to hear. Does not block."""
        ...

    def hear(self) -> list[Heard]:
        """Hear what was appended and return what it completes."""
        ...

    def flush(self) -> list[Heard]:
        """Complete what is open now."""
        ...

    def finish(self) -> list[Heard]:
        """Complete what is open at the end."""
        ...


class Listener:
    """One stream's audio, from the first sample to the last."""

    def __init__(self, detector: VoiceDetector, policy: EndpointingPolicy) -> None:
        self._detector = detector
        self._endpointer = Endpointer(policy)
        self._tape = Tape()
        self._framed = 0
        self._speech = 0.0

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return self._tape.end / SAMPLE_RATE

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech in the windows so far."""
        return self._speech

    @property
    def needed(self) -> float:
        """Seconds before which no later window holds audio."""
        return self._endpointer.needed / SAMPLE_RATE

    @property
    def pause(self) -> float:
        """Seconds since the last speech."""
        return self._endpointer.pause

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks at this moment."""
        return self._endpointer.speaking

    @property
    def open_speech(self) -> OpenSpeech | None:
        """What is being said and is in no window yet."""
        start = self._endpointer.open_since
        if start is None:
            return None
        return OpenSpeech(start / SAMPLE_RATE, _spans(self._endpointer.speech))

    def append(self, pcm: Pcm) -> bool:
        """Take the next samples and say whether there is something to hear. Does not block."""
        self._tape.append(pcm)
        return self._tape.end - self._framed >= FRAME

    def hear(self) -> list[Heard]:
        """Hear what was appended and return what it completes."""
        frames = (self._tape.end - self._framed) // FRAME
        return self._frames(self._tape.read(self._framed, self._framed + frames * FRAME)) if frames else []

    def flush(self) -> list[Heard]:
        """Complete what is open now."""
        return self._told(list(self._endpointer.flush()))

    def finish(self) -> list[Heard]:
        """Hear the end of the last, incomplete frame and complete what is open."""
        rest = self._tape.read(self._framed, self._tape.end)
        heard = self._frames(np.concatenate([rest, np.zeros(FRAME - len(rest), np.int16)])) if len(rest) else []
        return heard + self.flush()

    def prospect(self, pause: float) -> Window | None:
        """Return the window that will be complete if nobody speaks for a while; None before `pause` seconds of that."""
        cut = self._endpointer.prospect(pause)
        if cut is None:
            return None
        return Window(cut.start / SAMPLE_RATE, self._tape.read(cut.start, cut.end), _spans(cut.speech))

    def draft(self, start: float) -> Window:
        """Return the audio from `start` to now as a window."""
        pcm = self._tape.read(round(start * SAMPLE_RATE), self._tape.end)
        return Window(start, pcm, _spans(self._endpointer.speech))

    def _frames(self, pcm: Pcm) -> list[Heard]:
        self._framed += len(pcm)
        frames: Frames = np.asarray(pcm.reshape(-1, FRAME) / np.float32(32768), np.float32)
        loudness = np.asarray(np.log(np.mean(np.square(frames), axis=1) + 1e-9), np.float32)
        return self._told(list(self._endpointer.hear(self._detector(frames), loudness)))

    def _told(self, boundaries: list[Boundary]) -> list[Heard]:
        heard = [self._translate(boundary) for boundary in boundaries]
        self._tape.forget(self._endpointer.needed)
        return heard

    def _translate(self, boundary: Boundary) -> Heard:
        match boundary:
            case Began(at):
                return SpeechStarted(at / SAMPLE_RATE)
            case Ended(at):
                return SpeechEnded(min(at, self._tape.end) / SAMPLE_RATE)
            case Cut(start, end, speech):
                end = min(end, self._tape.end)
                spans = _spans(tuple((low, min(high, end)) for low, high in speech))
                self._speech += sum(span.duration for span in spans)
                return Window(start / SAMPLE_RATE, self._tape.read(start, end), spans)


def _spans(speech: tuple[tuple[int, int], ...]) -> tuple[Span, ...]:
    return tuple(Span(start / SAMPLE_RATE, end / SAMPLE_RATE) for start, end in speech)
