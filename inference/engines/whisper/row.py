"""A window on its way through one call of the engine."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from inference.engines.whisper.decoding import Hypothesis
from inference.engines.whisper.halving import SHORTEST
from inference.engines.whisper.ladder import Rung
from inference.types import DecodingOptions, Window, Word

SEAM = 0.4
"""Seconds before a window in which its first word cannot have ended: attention is no more exact."""
DOUBTFUL = -0.6
"""Average log probability of a token under which words behind a lead may be made up."""
SURE = -0.25
"""Average log probability of a token from which on nobody else is asked."""
LONGEST_WORD = 4.0
"""Seconds; a pause inside a window lasts at most about two."""


@dataclass(slots=True, eq=False)
class Row:
    """What is known about a window so far; used by one thread."""

    window: Window
    options: DecodingOptions
    before: list[int]
    """Prompt tokens before the start of the transcript."""
    known: list[int]
    """Text tokens of the lead: the answer goes on behind them."""
    rungs: list[Rung]
    """Ways to decode it that were not tried, the next one first."""
    scores: dict[str, float] = field(default_factory=dict)
    """Probability of each language; empty as long as none was given or found."""
    hypothesis: Hypothesis | None = None
    """The best so far."""
    agreed: bool = False
    """Whether two ways of decoding it gave the same text."""
    words: tuple[Word, ...] = ()
    """Its words, times from the start of the window; attention may place the first one before it, in the lead."""

    @property
    def language(self) -> str:
        """The most probable language."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Text tokens of the best hypothesis."""
        return self.hypothesis.tokens if self.hypothesis else ()

    @property
    def settled(self) -> bool:
        """Whether the text is good enough or nothing is left to try."""
        if self.hypothesis is None:
            return False
        failed = self.hypothesis.loops if self.options.draft else self.hypothesis.failed
        if failed:
            return not self.rungs
        unsure = self.hypothesis.log_probability < SURE and not self.hypothesis.silent and not self.agreed
        return not (unsure and not self.options.draft and self.rungs and self.rungs[0].opinion)

    @property
    def due(self) -> list[Rung]:
        """What to try next: where somebody waits, all second opinions at once."""
        opinions = [rung for rung in self.rungs if rung.opinion]
        return opinions if self.options.urgent and self.rungs[0].opinion else self.rungs[:1]

    @property
    def misled(self) -> bool:
        """Whether the window is better decoded without its lead.

        The text failed, there is none, it says again what the lead said, or the lead is in another language.
        """
        if self.window.lead is None:
            return False
        failed = self.hypothesis is None or self.hypothesis.failed or not self.hypothesis.text
        early = bool(self.words) and self.words[0].end < -SEAM
        again = self.hypothesis is not None and repeats(self.hypothesis.text, self.window.lead.text)
        return failed or early or again or self.language != self.window.lead.language

    @property
    def doubtful(self) -> bool:
        """Whether what was heard behind a lead must be heard without it too: the lead hides that nothing is said."""
        if self.window.lead is None or self.hypothesis is None:
            return False
        return self.misled or self.hypothesis.log_probability < DOUBTFUL

    @property
    def overflows(self) -> bool:
        """Whether the text loops or does not fit, and the window is long enough to be cut."""
        spoilt = self.hypothesis is not None and self.hypothesis.loops and not self.options.draft
        return spoilt and self.window.duration >= SHORTEST

    @property
    def skips(self) -> bool:
        """Whether speech was passed over: a word that lasts longer than any pause inside a window and a word together.

        Attention then waits at the word before or after what was left out.
        """
        if not self.words or self.options.draft or self.window.duration < SHORTEST:
            return False
        edges = [0.0, self.words[0].start, *(word.end for word in self.words), self.window.duration]
        return any(after - before > LONGEST_WORD for before, after in pairwise(edges))

    def offer(self, hypothesis: Hypothesis) -> None:
        """Keep the better of this and what there is."""
        self.agreed = self.agreed or (self.hypothesis is not None and self.hypothesis.text == hypothesis.text)
        if self.hypothesis is None or _worth(hypothesis) > _worth(self.hypothesis):
            self.hypothesis = hypothesis


def repeats(text: str, lead: str) -> bool:
    """Whether a text begins with the end of what was said before: all of it, or two words or more."""
    new, old = (re.findall(r"\w+", each.casefold()) for each in (text, lead))
    most = min(len(new), len(old))
    return any(new[:count] == old[-count:] for count in range(min(2, len(new)), most + 1) if count)


def _worth(hypothesis: Hypothesis) -> tuple[bool, bool, float]:
    return not hypothesis.failed, not hypothesis.loops, hypothesis.log_probability
