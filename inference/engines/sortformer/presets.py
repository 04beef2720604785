"""The presets of Streaming Sortformer: how much it hears before it decides, as its model card names them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """Lengths in frames of 80 ms."""

    chunk: int
    """Frames that are decided at once."""
    right_context: int
    """Frames that must have been heard after them."""
    fifo: int
    """Frames before them that are read again."""
    update_period: int
    """Frames after which the cache of speakers is renewed."""
    cache: int = 188
    """Frames in the cache of speakers."""
    left_context: int = 1

    @property
    def latency(self) -> float:
        """Longest delay of a decision, in seconds of audio."""
        return 0.08 * (self.chunk + self.right_context)


RECORDING = Preset(chunk=340, right_context=40, fifo=40, update_period=300)
"""For recordings: 30.4 s."""
LIVE = (
    Preset(chunk=124, right_context=1, fifo=124, update_period=124),
    Preset(chunk=6, right_context=7, fifo=188, update_period=144),
    Preset(chunk=3, right_context=1, fifo=188, update_period=144),
)
"""For live speech, the slowest and cheapest first: 10 s, 1.04 s and 0.32 s."""


def live_preset(latency: float) -> Preset:
    """Return the cheapest preset that is fast enough, else the fastest."""
    return next((preset for preset in LIVE if preset.latency <= latency), LIVE[-1])
