"""(k) Summaries by the embedded model beside an extractive baseline: do their names, numbers and dates occur?"""

import argparse
import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from whisper_normalizer.english import EnglishTextNormalizer

from bench.load import row, table
from summarizer import catalogue, extractive, language
from summarizer.clean import clean
from summarizer.engines import Engine
from summarizer.engines.embedded import Embedded
from summarizer.resident import Fetched, Resident
from summarizer.transcript import Transcript
from summarizer.turns import Turns
from summarizer.types import Style
from tests.summarizing import serving, summarize
from weights.settings import WeightsSettings

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "transcripts"
BASELINE = "extractive"
QUOTES = {Style.BRIEF: 3, Style.DETAILED: 8, Style.ACTION_ITEMS: 4, Style.BULLET_POINTS: 6}
MONTHS = "january february march april june july august september october november december"
DAYS = "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag"
DATES = frozenset(f"{MONTHS} {DAYS} sonntag januar februar märz mai juni juli oktober dezember".split())
STARTS = re.compile(r"(?:^|[.!?:\n•-])\s*[\"'(]*$")


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


class Source:
    """The names, numbers and dates of a transcript, read by other means than those of the service's own check."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.language = language.detect(text)
        self._normal = EnglishTextNormalizer()
        self._flat = self._normal(text)
        self._words = set(re.findall(r"\w+", f"{text.replace('_', '')} {self._flat}".lower()))
        self._speakers = len({line.partition(":")[0] for line in text.splitlines() if ":" in line})

    def mentions(self, summary: str) -> tuple[int, list[str]]:
        """Count the names, numbers and dates in a summary, and list those that the transcript has not."""
        found = [*self._numbers(summary), *self._names(summary)]
        return len(found), [word for word, supported in found if not supported]

    def _numbers(self, summary: str) -> Iterable[tuple[str, bool]]:
        flat = self._flat if self.language == "en" else self.text
        known = {number.replace(",", "") for number in re.findall(r"\d+(?:[.,]\d+)*", flat)}
        known |= {str(self._speakers)}
        if self.language != "en" and not known - {str(self._speakers)}:
            return
        text = self._normal(summary) if self.language == "en" else summary
        for number in re.findall(r"\d+(?:[.,]\d+)*", text):
            bare = number.replace(",", "")
            # "twelve euros fifty" is two numbers in the transcript and 12.50 in a summary.
            parts = bare.split(".")
            yield number, bare in known or bare.rstrip("0").rstrip(".") in known or all(part in known for part in parts)

    def _names(self, summary: str) -> Iterable[tuple[str, bool]]:
        for match in re.finditer(r"[^\W\d_][\w'-]*", summary):
            word = match.group()
            low = re.sub(r"'s$", "", word.lower())
            is_date = low in DATES
            is_name = word[0].isupper() and word != "I" and not STARTS.search(summary[: match.start()])
            if is_date or (is_name and self.language != "de"):
                yield word, any(form in self._words for form in (low, low.rstrip("s"), f"{low}s", *low.split("-")))


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--summary-model", default="", help="id of the catalogue; empty: the best one that is here")
    parser.add_argument("--summary-limit", type=int, default=12_000, help="characters of a transcript that are read")
    parser.add_argument("--vllm-python", type=Path, default=ROOT / ".venv-vllm" / "bin" / "python")


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
                samples.append(f"**{name}, {style.value}** ({seconds:.0f} s)\n\n{heard.text}")
                tally(tallies[BASELINE, style], source, baseline(source.text, style))
    return fetched.status.model, tallies, samples


def baseline(text: str, style: Style) -> str:
    """The most central sentences of the transcript."""
    transcript = Transcript(limit=1 << 24)
    transcript.add(text)
    quotes = extractive.central(clean(transcript.utterances()), most=QUOTES[style])
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


def batching(python: Path) -> str:
    """Tokens a second of four passes at once over one, in vLLM's own environment."""
    if not python.exists():
        return "vLLM: not measured, `make test-vllm` sets its environment up."
    output = subprocess.run(
        [str(python), "-m", "tests.vllm.batching"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=1800
    ).stdout
    pairs = json.loads(output.strip().splitlines()[-1])["pairs"]
    one, four = (sorted(pair[index] for pair in pairs)[len(pairs) // 2] for index in (0, 1))
    # Of turns one after the other: a busy moment hits both of a pair.
    ratio = sorted(four / one for one, four in pairs)[len(pairs) // 2]
    return (
        f"vLLM on this CPU (SmolLM2-135M, bf16, medians of {len(pairs)} in turn): one pass {one:.1f} tokens/s, four at "
        f"once {four:.1f} tokens/s together: median of the ratios **{ratio:.1f}x**."
    )


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
            "those of the service's own check; numbers in words only in English, names not in German.",
            "",
            head,
            *rows,
            "",
            f"Left in the answers and not found in the transcripts: {', '.join(wrong) or 'nothing'}.",
            batching(args.vllm_python),
            "",
            "<details><summary>The answers, unedited</summary>",
            "",
            "\n\n".join(samples),
            "",
            "</details>",
        ]
    )
