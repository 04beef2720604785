"""Ways to decode a window, the cheapest first: a window goes on to the next one only if its text failed.

A short window whose text is unsure gets second opinions, with other lengths of silence behind it, until two agree; the
likeliest text stays. On the clips of `bench --only accuracy`, with windows of up to 20 s, all opinions heard, that took
the error rate from 8.5 to 8.4 %, from 12.7 to 12.2 % behind an MP3 of 16 kbit/s and from 16.0 to 15.4 % in noise, for
two, seven and nine of 25 windows heard again.

A long window whose text still loops or does not fit is decoded in halves.

Sampling at rising temperatures, the usual second attempt, is not among them: CTranslate2 seeds it by thread, so that
the same recording would get another text each time, and another one alone than in a batch.
"""

from dataclasses import dataclass, replace

from inference.engines.whisper.decoding import MOST_TOKENS, Search
from inference.engines.whisper.features import FULL_FRAMES, FULL_SECONDS, context_frames
from inference.engines.whisper.halving import SHORTEST
from inference.types import DecodingOptions, Window


@dataclass(frozen=True, slots=True)
class Tuning:
    """How much work a window gets; `bench` prints the figures behind the defaults."""

    beam: int = 5
    most_tokens: int = MOST_TOKENS
    """What an answer holds; a window that says more is decoded in halves."""
    short_context: bool = True
    """Whether a window shorter than 30 s is encoded at less than 30 s: a CPU pays for each frame, a GPU hardly."""
    pad: float = 10.0
    """Silence after the audio in a short context, seconds; with less the decoder loops at the end of speech."""
    opinions: tuple[float, ...] = (5.0, 15.0)
    """Other silences after the audio, for second opinions."""
    opinion_seconds: float = 10.0
    """Audio of the longest window that gets them: a longer one has context of its own, and costs the most."""
    step: float = 5.0
    """Encoder lengths are rounded up to multiples of this, so that windows of like length share a batch."""
    draft_pad: float = 2.0
    draft_step: float = 2.0
    draft_tokens_a_second: float = 8.0
    """The cap that stops a draft which loops."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to decode a window. Windows share a pass of the model only if it is equal for them."""

    frames: int
    """Mel frames of the encoder's input."""
    search: Search
    opinion: bool = False
    """Whether it is tried although the text so far is good, if it is unsure."""


def ladder(window: Window, options: DecodingOptions, tuning: Tuning) -> list[Rung]:
    """What to try for a window, in order; it depends on nothing but the arguments."""
    if options.draft:
        rungs = [
            _draft(window, tuning, pad=tuning.draft_pad, step=tuning.draft_step),
            _draft(window, tuning, pad=tuning.pad, step=tuning.step),
        ]
    else:
        search = Search(beam=tuning.beam, most_tokens=tuning.most_tokens)
        rungs = [Rung(_frames(window, tuning, pad=tuning.pad, step=tuning.step), search)]
        if window.lead:
            return rungs  # if that fails, the window is decoded without its lead
        rungs += _opinions(window, tuning, search, taken=rungs[0].frames)
        rungs.append(Rung(FULL_FRAMES, search))
        if window.duration < SHORTEST:
            rungs.append(Rung(FULL_FRAMES, replace(search, repetition_penalty=1.1, no_repeat_ngram=5)))
    return list(dict.fromkeys(rungs))


def _opinions(window: Window, tuning: Tuning, search: Search, *, taken: int) -> list[Rung]:
    """The same search with other silences behind a window, as far as they give another length than `taken`."""
    if window.duration > tuning.opinion_seconds:
        return []
    lengths = dict.fromkeys(_frames(window, tuning, pad=pad, step=tuning.step) for pad in tuning.opinions)
    return [Rung(frames, search, opinion=True) for frames in lengths if frames != taken]


def _draft(window: Window, tuning: Tuning, *, pad: float, step: float) -> Rung:
    frames = _frames(window, tuning, pad=pad, step=step)
    # By the encoder's length, not the window's: what shares a batch must share the cap.
    seconds = context_frames(window.duration, pad=0.0, step=step) / 100
    cap = min(MOST_TOKENS, round(8 + tuning.draft_tokens_a_second * min(seconds, FULL_SECONDS)))
    return Rung(frames, Search(beam=1, most_tokens=cap))


def _frames(window: Window, tuning: Tuning, *, pad: float, step: float) -> int:
    heard = window.lead_seconds + window.duration
    return context_frames(heard, pad=pad, step=step) if tuning.short_context else FULL_FRAMES
