"""The diarization error rate, summed over recordings, by pyannote.metrics."""

import warnings
from dataclasses import dataclass, field

from bench.conversations import Conversation, Turns

KINDS = ("missed detection", "false alarm", "confusion")


@dataclass
class Errors:
    """Seconds of error and of reference, without and with a collar of 0.25 s."""

    parts: dict[float, dict[str, float]] = field(default_factory=dict)
    counted: int = 0
    recordings: int = 0
    cpu: float = 0.0
    seconds: float = 0.0

    def add(self, conversation: Conversation, found: Turns, cpu: float) -> None:
        """Score one recording."""
        for collar in (0.0, 0.25):
            scored = _score(conversation.turns, found, conversation.seconds, collar)
            total = self.parts.setdefault(collar, {})
            for name, value in scored.items():
                total[name] = total.get(name, 0.0) + value
        self.counted += len({speaker for *_, speaker in found}) == conversation.speakers
        self.recordings += 1
        self.cpu += cpu
        self.seconds += conversation.seconds

    def rate(self, collar: float) -> float:
        """Diarization error rate, in percent."""
        parts = self.parts[collar]
        return 100 * sum(parts[name] for name in KINDS) / parts["total"]

    def share(self, kind: str) -> float:
        """One kind of error, in percent, without a collar."""
        return 100 * self.parts[0.0][kind] / self.parts[0.0]["total"]


def _score(reference: Turns, found: Turns, seconds: float, collar: float) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.core import Annotation, Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate

        def annotation(turns: Turns) -> object:
            made_of = Annotation()
            for number, (start, end, speaker) in enumerate(turns):
                if end > start:
                    made_of[Segment(start, end), number] = speaker
            return made_of.support()

        # pyannote's collar is the whole width around a boundary.
        metric = DiarizationErrorRate(collar=2 * collar, skip_overlap=False)
        scored = metric(annotation(reference), annotation(found), uem=Timeline([Segment(0, seconds)]), detailed=True)
    return {name: float(scored[name]) for name in (*KINDS, "total")}
