"""Word error rate, languages and invented words, beside `WhisperModel` with the same weights in the same process."""

import argparse
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from bench.clips import Clip, Ours, Plain, Recognized, Recognizer, clips
from bench.words import english
from tests.audio import music, silence, white_noise

UNSPACED = {"ja", "th", "zh"}
CUTS = (1.0, 1.5, 2.0, 2.5, 3.0)
"""Seconds of the short cuts whose language is to be found."""
LEAST_LOUDNESS = 150
"""Root mean square below which a cut holds no speech."""


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--quiet-minutes", type=float, default=5.0, help="length of each recording without speech")


def normalized(text: str, clip: Clip) -> str:
    """What is compared: words as whisper_normalizer leaves them, characters where words have no spaces."""
    from whisper_normalizer.basic import BasicTextNormalizer

    if clip.language in UNSPACED:
        return " ".join(BasicTextNormalizer()(text).replace(" ", ""))
    if clip.language != "en":
        return str(BasicTextNormalizer()(text)).strip()
    return english(text)


def errors(text: str, clip: Clip) -> tuple[int, int]:
    """Wrong words and reference words."""
    import jiwer

    assert clip.text is not None
    reference, hypothesis = normalized(clip.text, clip), normalized(text, clip)
    if not reference:
        return len(hypothesis.split()), 0
    found = jiwer.process_words(reference, hypothesis)
    return found.substitutions + found.deletions + found.insertions, len(reference.split())


def short_cuts(clip: Clip) -> list[NDArray[np.int16]]:
    """Pieces around the loudest second of a clip and around its first and third quarter."""
    energy = np.convolve(np.square(clip.pcm.astype(np.float64)), np.ones(16_000), mode="valid")
    middles = (int(np.argmax(energy)) + 8_000, len(clip.pcm) // 4, 3 * len(clip.pcm) // 4)
    halves = [int(seconds * 8_000) for seconds in CUTS]
    cuts = [clip.pcm[max(0, middle - half) : middle + half] for half in halves for middle in middles]
    return [
        cut for cut in cuts if len(cut) >= 8_000 and np.sqrt(np.mean(np.square(cut.astype(float)))) >= LEAST_LOUDNESS
    ]


def run(args: argparse.Namespace) -> str:
    """The tables."""
    recognize, theirs = Ours(), Plain()
    all_clips = clips()
    results = {clip.name: (recognize(clip.pcm), theirs(clip.pcm)) for clip in all_clips}
    return "\n\n".join(
        [
            "## Accuracy",
            "Normalised word error rate, characters in Chinese and Japanese; base, int8, one thread, beam 5, voice "
            "activity on, the language to be found. Plain is `faster_whisper.WhisperModel`.",
            _rates(all_clips, results),
            _languages(all_clips, results, recognize=recognize, theirs=theirs),
            _invented(args.quiet_minutes * 60, recognize=recognize, theirs=theirs),
        ]
    )


def _rates(all_clips: list[Clip], results: dict[str, tuple[Recognized, Recognized]]) -> str:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for clip in all_clips:
        if clip.text:
            mine, other = (errors(result.text, clip)[0] for result in results[clip.name])
            for name in (clip.category, "all"):
                total = sums[name]
                total[0] += errors("", clip)[1]
                total[1] += mine
                total[2] += other
    lines = ["| category | words | ours | plain |", "| --- | --- | --- | --- |"]
    for name, (words, mine, other) in sorted(sums.items(), key=lambda item: item[0] == "all"):
        lines.append(f"| {name} | {words} | {100 * mine / words:.1f} % | {100 * other / words:.1f} % |")
    cpu = [sum(pair[side].cpu for pair in results.values()) for side in (0, 1)]
    audio = sum(len(clip.pcm) for clip in all_clips) / 16_000
    lines += ["", f"CPU seconds for {audio:.0f} s of audio: ours {cpu[0]:.1f}, plain {cpu[1]:.1f}."]
    return "\n".join(lines)


def _languages(
    all_clips: list[Clip],
    results: dict[str, tuple[Recognized, Recognized]],
    *,
    recognize: Ours,
    theirs: Plain,
) -> str:
    spoken = [clip for clip in all_clips if clip.language and clip.text != ""]
    whole = [sum(results[clip.name][side].language == clip.language for clip in spoken) for side in (0, 1)]
    cuts = [(clip, piece) for clip in spoken for piece in short_cuts(clip)]
    right = [sum(side.language(piece) == clip.language for clip, piece in cuts) for side in (recognize, theirs)]
    lines = ["| language is right | of | ours | plain |", "| --- | --- | --- | --- |"]
    lines.append(f"| whole clips | {len(spoken)} | {whole[0]} | {whole[1]} |")
    lines.append(f"| cuts of {CUTS[0]:g} to {CUTS[-1]:g} s | {len(cuts)} | {right[0]} | {right[1]} |")
    return "\n".join(lines)


def _invented(seconds: float, *, recognize: Recognizer, theirs: Recognizer) -> str:
    quiet = {"silence": silence(seconds), "white noise": white_noise(seconds), "music": music(seconds)}
    lines = [f"| {seconds / 60:g} minutes of | words ours | words plain |", "| --- | --- | --- |"]
    for name, pcm in quiet.items():
        counts = [len(found(pcm).text.split()) for found in (recognize, theirs)]
        lines.append(f"| {name} | {counts[0]} | {counts[1]} |")
    return "\n".join(lines)
