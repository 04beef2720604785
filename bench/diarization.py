"""Diarization: error rate and speaker counts of recordings with known turns, live and whole, beside a peer."""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import speaker_words
from bench.conversations import Conversation, Turns, beside, labelled, made
from bench.corpus import RATE
from bench.der import KINDS, Errors
from bench.senko_process import Senko
from inference.diarizing.catalogue import EMBEDDED_WEIGHTS
from inference.engines.diarization import DiarizationOptions, Merged, Settled
from inference.engines.embedded import EmbeddedDiarizer
from inference.types import Turn
from tests.audio import clip_pcm, music, packaged_clip, silence, white_noise
from weights.settings import WeightsSettings

LATENCY = 2.0
Pcm = NDArray[np.int16]


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--senko-python", type=Path, help="interpreter of an environment with senko, as a peer")
    parser.add_argument("--recordings", type=Path, help="folder of more recordings, each NAME.flac beside NAME.rttm")
    parser.add_argument("--one-voice-minutes", type=float, default=10.0, help="length of the recording of one voice")


def whole(engine: EmbeddedDiarizer, pcm: Pcm) -> Turns:
    """The turns of a recording."""
    stream = engine.open(DiarizationOptions())
    for start in range(0, len(pcm), 10 * RATE):
        stream.push(pcm[start : start + 10 * RATE])
        while not stream.wanted:
            engine.advance([stream])
    stream.finish()
    while not stream.done:
        engine.advance([stream])
    return [(turn.start, turn.end, str(turn.speaker)) for turn in stream.take() if isinstance(turn, Turn)]


def live(engine: EmbeddedDiarizer, pcm: Pcm) -> tuple[Turns, Turns]:
    """What a stream said of each moment `LATENCY` later, and what it said in the end."""
    stream = engine.open(DiarizationOptions(live=True, latency=LATENCY))
    turns: Turns = []
    said: Turns = []
    merged: dict[str, str] = {}
    horizon, fresh, at = 0.0, True, 0.0

    def take() -> None:
        nonlocal turns, horizon, fresh
        for event in stream.take():
            if isinstance(event, Settled):
                horizon, fresh = event.time, True
            elif isinstance(event, Merged):
                merged[str(event.gone)] = str(event.kept)
            else:
                if fresh:
                    turns = [(start, min(end, horizon), who) for start, end, who in turns if start < horizon]
                    fresh = False
                turns.append((event.start, event.end, str(event.speaker)))

    for begin in range(0, len(pcm), RATE // 10):
        stream.push(pcm[begin : begin + RATE // 10])
        while not stream.wanted:
            engine.advance([stream])
        take()
        until = begin / RATE - LATENCY
        if until > at:
            said += [(max(s, at), min(e, until), who) for s, e, who in turns if min(e, until) > max(s, at)]
            at = until
    stream.finish()
    while not stream.done:
        engine.advance([stream])
    take()
    said += [(max(start, at), end, who) for start, end, who in turns if end > at]

    def final(who: str) -> str:
        while who in merged:
            who = merged[who]
        return who

    return said, [(start, end, final(who)) for start, end, who in turns]


def run(args: argparse.Namespace) -> str:
    """The tables."""
    engine = EmbeddedDiarizer(WeightsSettings().store().fetch(EMBEDDED_WEIGHTS), threads=1)
    sets = {"recordings with RTTM": labelled(), "made mixes": made()}
    for more in beside(args.recordings) if args.recordings else []:
        sets.setdefault(f"{more.name.partition('_')[0]} of the folder", []).append(more)
    peer = Senko(args.senko_python) if args.senko_python else None
    rows: list[str] = []
    totals: dict[str, dict[str, Errors]] = {}
    ratios: dict[str, float] = {}
    for group, conversations in sets.items():
        total = totals.setdefault(group, {})
        for conversation in conversations:
            ways = _ways(engine, peer, conversation, streamed=not group.endswith("folder"))
            for way, (turns, seconds) in ways.items():
                total.setdefault(way, Errors()).add(conversation, turns, seconds)
            agreement = None
            if _FINAL in ways:
                agreement = Errors()
                against = Conversation("", conversation.pcm, ways[_WHOLE][0] or [(0, 0.001, "1")])
                for each in (agreement, total.setdefault(_AGREEMENT, Errors())):
                    each.add(against, *ways[_FINAL])
                ratios[conversation.name] = _rate(conversation, ways[_LIVE][0]) / _rate(conversation, ways[_WHOLE][0])
            rows.append(_row(conversation, ways, agreement))
            print(rows[-1], file=sys.stderr, flush=True)
    if peer:
        peer.close()
    peaks = f"Peak memory of this process {_peak() / 2**20:.0f} MiB" + (
        f", of senko's {peer.peak / 2**20:.0f} MiB." if peer else "."
    )
    worst = max(ratios, key=lambda name: ratios[name])
    ratio = (
        f"Live {LATENCY:.0f} s later beside whole, by recording: median {np.median(list(ratios.values())):.2f} times "
        f"its DER, worst {ratios[worst]:.2f} ({worst})."
    )
    noted = f"{ratio} {_quiet(engine, args)} {peaks}"
    return "\n\n".join(["## Diarization", _HEADER, _totals(totals), _clips(rows), noted, _WORDS, speaker_words.run()])


_HEADER = (
    "DER by pyannote.metrics, overlap scored, in percent; in brackets with 0.25 s left out on each side of a boundary. "
    f"Whole: a recording; live: what is said of each moment {LATENCY:.0f} s later, and in the end. CPU: seconds of one "
    "thread a second of audio."
)
_WHOLE, _PEER, _LIVE, _FINAL = "whole", "senko", f"live, {LATENCY:.0f} s later", "live, final"
_AGREEMENT = "live, final, scored against whole"
_WORDS = (
    "### Words and speakers\n\nThrough the four processes: base, int8, the embedded engine, the edge's attribution."
)


def _timed(work: Callable[[Pcm], object], pcm: Pcm) -> tuple[object, float]:
    began = time.process_time()
    return work(pcm), time.process_time() - began


def _ways(
    engine: EmbeddedDiarizer, peer: Senko | None, conversation: Conversation, *, streamed: bool
) -> dict[str, tuple[Turns, float]]:
    """The turns that each way finds, and the CPU seconds it took."""
    ways: dict[str, tuple[Turns, float]] = {}
    found, used = _timed(lambda pcm: whole(engine, pcm), conversation.pcm)
    ways[_WHOLE] = found, used
    if peer:
        ways[_PEER] = peer(conversation.pcm)
    if streamed:
        (said, settled), used = _timed(lambda pcm: live(engine, pcm), conversation.pcm)
        ways |= {_LIVE: (said, used), _FINAL: (settled, used)}
    return ways


def _rate(conversation: Conversation, turns: Turns, collar: float = 0.0) -> float:
    one = Errors()
    one.add(conversation, turns, 0.0)
    return max(one.rate(collar), 0.01)


def _row(conversation: Conversation, ways: dict[str, tuple[Turns, float]], agreement: Errors | None) -> str:
    cells = []
    for way in (_WHOLE, _PEER, _LIVE, _FINAL):
        if way in ways:
            turns = ways[way][0]
            exact, forgiving = (_rate(conversation, turns, collar) for collar in (0.0, 0.25))
            cells.append(f"{exact:.1f} ({forgiving:.1f}), {len({who for *_, who in turns})}")
        else:
            cells.append("")
    cells.append(f"{agreement.rate(0.0):.1f}" if agreement else "")
    return f"| {conversation.name} | {conversation.speakers} | {' | '.join(cells)} |"


def _totals(totals: dict[str, dict[str, Errors]]) -> str:
    lines = [
        "| set | way | DER | missed | false alarm | confusion | speakers right | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for group, ways in totals.items():
        for way, errors in ways.items():
            lines.append(
                f"| {group}, {errors.seconds:.0f} s | {way} | {errors.rate(0.0):.1f} ({errors.rate(0.25):.1f}) | "
                f"{errors.share(KINDS[0]):.1f} | {errors.share(KINDS[1]):.1f} | {errors.share(KINDS[2]):.1f} | "
                f"{errors.counted}/{errors.recordings} | {errors.cpu / errors.seconds:.3f} |"
            )
    return "\n".join(lines)


def _clips(rows: list[str]) -> str:
    head = "| recording | speakers | whole: DER, speakers | senko | live | final | final against whole |"
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])


def _quiet(engine: EmbeddedDiarizer, args: argparse.Namespace) -> str:
    voice = clip_pcm(packaged_clip("two_cities.wav"))
    long = np.tile(voice, max(1, round(args.one_voice_minutes * 60 * RATE / len(voice))))
    speakers = len({who for *_, who in whole(engine, long)})
    silent = {
        name: len(whole(engine, make(30.0)))
        for name, make in (("silence", silence), ("noise", white_noise), ("music", music))
    }
    turns = ", ".join(f"{name} {count}" for name, count in silent.items())
    return f"One voice for {len(long) / RATE / 60:.0f} minutes: {speakers} speaker(s). Turns in 30 s: {turns}."


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
