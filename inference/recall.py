"""What a live stream said before, given to the engine with its next window: an utterance alone is short of context."""

from collections import deque
from dataclasses import replace

import numpy as np

from inference.types import Decoded, DecodingOptions, Lead, Window

TEXT_CHARACTERS = 100
"""Text that goes before a window as its prompt."""
PAUSE_SECONDS = 5.0
"""Pause after which what was said before is no context."""
HEARD_SECONDS = 8.0
"""Audio that is heard at once where the last utterances are heard again before a short one."""
SHORT_SECONDS = 3.0
"""Speech in a window that is short of context: the utterances before it are heard again with it."""


class Recall:
    """The last utterances of one stream."""

    def __init__(self) -> None:
        self._said: deque[tuple[Window, str, str]] = deque()
        """Windows with their text and language."""

    def remember(self, window: Window, decoded: Decoded) -> None:
        """Add the result of a window; nothing was said in one without text."""
        text = " ".join(segment.text for segment in decoded.segments)
        if text:
            self._said.append((replace(window, lead=None), text, decoded.language))
        while sum(len(text) for _, text, _ in self._said) > TEXT_CHARACTERS and self._seconds(1) > HEARD_SECONDS:
            self._said.popleft()

    def before(self, window: Window, options: DecodingOptions) -> tuple[Window, DecodingOptions]:
        """The window and its options with what helps to understand it.

        A short window is heard behind its predecessors and its text written behind theirs; so is any window as long
        as the language is not known, for more speech tells more of it. Others are written behind a little text.
        """
        said = self._recent(window)
        count = 0
        if not options.language or sum(span.duration for span in window.speech) < SHORT_SECONDS:
            room = HEARD_SECONDS - window.duration
            while count < len(said) and (room := room - said[-count - 1][0].duration) >= 0:
                count += 1
        led, told = said[len(said) - count :], said[: len(said) - count]
        if led:
            lead = Lead(
                np.concatenate([each.pcm for each, _, _ in led]), " ".join(text for _, text, _ in led), led[-1][2]
            )
            window = replace(window, lead=lead)
        if told:
            context = _end(" ".join(text for _, text, _ in told))
            options = replace(options, prompt=f"{options.prompt} {context}".strip())
        return window, options

    def _recent(self, window: Window) -> list[tuple[Window, str, str]]:
        """What was said before without a long pause, the oldest first."""
        recent: list[tuple[Window, str, str]] = []
        after = window.start
        for entry in reversed(self._said):
            if after - entry[0].end > PAUSE_SECONDS:
                break
            recent.insert(0, entry)
            after = entry[0].start
        return recent

    def _seconds(self, skipped: int) -> float:
        return sum(window.duration for window, _, _ in list(self._said)[skipped:])


def _end(text: str) -> str:
    """The end of a text, from the start of a word."""
    if len(text) <= TEXT_CHARACTERS:
        return text
    tail = text[-TEXT_CHARACTERS:]
    return tail.partition(" ")[2] or tail
