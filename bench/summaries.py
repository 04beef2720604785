"""(k) Summaries by the embedded model beside an extractive baseline: do their names, numbers and dates occur?"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import row, table
from bench.mentions import Source
from summarizer import catalogue, extractive, language
from summarizer.clean import clean
from summarizer.engines import Engine
from summarizer.engines.embedded import Embedded
from summarizer.resident import Fetched, Resident
from summarizer.transcript import Transcript
from summarizer.turns import Turns
from summarizer.types import Style
from tests.summarizing import Heard, serving, summarize
from weights.settings import WeightsSettings

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "transcripts"
BASELINE = "extractive"
QUOTES = {Style.BRIEF: 3, Style.DETAILED: 8, Style.ACTION_ITEMS: 4, Style.BULLET_POINTS: 6}


@dataclass
class Tally:
    """What one system did in one style."""

    mentions: int = 0
    unsupported: list[str] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    said: int = 0
    """Characters of the summaries."""
    read: int = 0
    """Characters of their transcripts."""
    right_language: int = 0
    texts: int = 0
    dropped: int = 0


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--summary-model", default="", help="id of the catalogue; empty: the best one that is here")
    parser.add_argument("--summary-limit", type=int, default=12_000, help="characters of a transcript that are read")


async def measured(sources: dict[str, Source], model: str) -> tuple[str, dict[tuple[str, Style], Tally], list[str]]:
    """Summarize everything in every style with the model, then with the baseline."""
    tallies = {(system, style): Tally() for system in ("first draft", "checked", BASELINE) for style in Style}
    samples: list[str] = []
    fetched = Fetched(catalogue.candidates(model=model, path=None), store=WeightsSettings().store())

    async def opening(path: Path | None, name: str) -> Engine:
        assert path is not None
        return await Embedded.open(path, model=name, context_tokens=8192)

    resident = Resident(opening, model="", weights=fetched)
    await resident.fetch()
    async with serving(resident, Turns(slots=1, limit=1e6)) as stub:
        await summarize(stub, "Anna: We meet on Friday at noon to talk about the budget.")
        for name, source in sources.items():
            for style in Style:
                began = time.monotonic()
                heard = await summarize(stub, source.text, style.value, deltas=True)
                seconds = time.monotonic() - began
                assert heard.done is not None
                draft = "".join(heard.deltas)
                tally(tallies["first draft", style], source, draft)
                checked = tallies["checked", style]
                tally(checked, source, heard.text if heard.text != "none" else "")
                checked.seconds += seconds
                checked.tokens += heard.done.usage.completion_tokens
                checked.dropped += heard.summaries[-1].dropped
                samples.append(sample(f"{name}, {style.value}", heard, seconds))
                print(samples[-1], file=sys.stderr, flush=True)
                tally(tallies[BASELINE, style], source, baseline(source.text, style))
    return fetched.status.model, tallies, samples


def sample(title: str, heard: Heard, seconds: float) -> str:
    """One summary as it was answered, and what it cost."""
    assert heard.done is not None
    usage = heard.done.usage
    cost = ", ".join(
        (
            heard.done.model,
            f"{seconds:.1f} s",
            f"{usage.prompt_tokens} tokens read, {usage.cached_tokens} of them from the cache",
            f"{usage.completion_tokens} written in {usage.passes} pass(es)",
            f"{usage.completion_tokens / seconds:.1f} tokens/s",
            f"{heard.summaries[-1].dropped} parts dropped",
        )
    )
    return f"**{title}** ({cost})\n\n{heard.text}"


def baseline(text: str, style: Style) -> str:
    """The most central sentences of the transcript."""
    transcript = Transcript(limit=1 << 24)
    transcript.add(text)
    quotes = extractive.central(clean(transcript.utterances(), language=language.detect(text)), most=QUOTES[style])
    return "\n".join(quote.line for quote in quotes)


def tally(into: Tally, source: Source, summary: str) -> None:
    """Add one summary."""
    count, unsupported = source.mentions(summary)
    into.mentions += count
    into.unsupported += unsupported
    into.said += len(summary)
    into.read += len(source.text)
    into.texts += 1
    into.right_language += not summary or language.detect(summary) in {"", source.language}


def rate(result: Tally) -> str:
    """The unsupported share of the mentions."""
    if not result.mentions:
        return "no mentions"
    return f"{100 * len(result.unsupported) / result.mentions:.1f} % of {result.mentions}"


def run(args: argparse.Namespace) -> str:
    """A row a style and system, then the summaries themselves."""
    files = sorted((ROOT / "bench" / "meetings").glob("*.txt")) + sorted(REAL.glob("*.txt"))
    sources = {file.stem: Source(file.read_text()[: args.summary_limit]) for file in files}
    model, tallies, samples = asyncio.run(measured(sources, args.summary_model))
    head = table("style", "system", "unsupported names, numbers, dates", "length", "language", "seconds", "tokens/s")
    rows = []
    for style in Style:
        for system in ("first draft", "checked", BASELINE):
            result = tallies[system, style]
            timed = system == "checked"
            rows.append(
                row(
                    style.value,
                    {"first draft": f"{model}, as written", "checked": f"**{model}, as answered**"}.get(system, system),
                    rate(result),
                    f"{100 * result.said / result.read:.0f} %",
                    f"{result.right_language} of {result.texts}",
                    f"{result.seconds / result.texts:.0f}" if timed else "",
                    f"{result.tokens / result.seconds:.1f}" if timed else "",
                )
            )
    wrong = sorted({word for style in Style for word in tallies["checked", style].unsupported})
    return "\n".join(
        [
            f"### Summaries of {len(sources)} meetings ({', '.join(sources)})",
            "",
            "Length is that of the summary over its transcript. Names and numbers are read here by other means than",
            "those of the service's own check; names not in German. Seconds are for one summary, all passes of it.",
            "",
            head,
            *rows,
            "",
            f"Left in the answers and not found in the transcripts: {', '.join(wrong) or 'nothing'}.",
            "",
            "<details><summary>The answers, unedited</summary>",
            "",
            "\n\n".join(samples),
            "",
            "</details>",
        ]
    )
