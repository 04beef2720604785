"""The names, numbers and dates of a transcript, read by other means than those of the service's own check."""

import re
from collections.abc import Iterable

from whisper_normalizer.english import EnglishTextNormalizer

from summarizer import language

MONTHS = "january february march april june july august september october november december"
DAYS = "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag"
DATES = frozenset(f"{MONTHS} {DAYS} sonntag januar februar märz mai juni juli oktober dezember".split())
STARTS = re.compile(r"(?:^|[.!?:\n•-])\s*[\"'(]*$")
NO_NAMES = frozenset(("I", "I'll", "I'm", "Dr", "Mr", "Mrs", "Ms"))
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SMALL = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
PART = "|".join((*SMALL[2:], *TENS, "hundert", "tausend"))
WRITTEN = re.compile(rf"\b(?:ein|und|{PART})*(?:{PART})(?:und|ein|{PART})*(?:s?ten?)?\b")
IRREGULAR = {1: "erst", 3: "dritt", 7: "siebt"}


class Source:
    """A transcript, and what its summaries may mention."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.language = language.detect(text)
        self._normal = EnglishTextNormalizer()
        self._flat = self._normal(text)
        self._words = set(re.findall(r"\w+", f"{text.replace('_', '')} {self._flat}".lower()))
        self._speakers = len({line.partition(":")[0] for line in text.splitlines() if ":" in line})
        self._joined = re.sub(r"\s+", "", text.lower())

    def mentions(self, summary: str) -> tuple[int, list[str]]:
        """Count the names, numbers and dates in a summary, and list those that the transcript has not."""
        numbers = self._german(summary) if self.language == "de" else self._numbers(summary)
        found = [*numbers, *self._names(summary)]
        return len(found), [word for word, supported in found if not supported]

    def _numbers(self, summary: str) -> Iterable[tuple[str, bool]]:
        flat = self._flat if self.language == "en" else self.text
        known = {number.replace(",", "") for number in NUMBER.findall(flat)} | {str(self._speakers)}
        text = self._normal(summary) if self.language == "en" else summary
        for number in NUMBER.findall(text):
            bare = number.replace(",", "")
            # "twelve euros fifty" is two numbers in the transcript and 12.50 in a summary.
            parts = bare.split(".")
            yield number, bare in known or bare.rstrip("0").rstrip(".") in known or all(part in known for part in parts)

    def _german(self, summary: str) -> Iterable[tuple[str, bool]]:
        """Numbers by the words that they are said in, since that is how a German transcript has them."""
        known = set(NUMBER.findall(self.text)) | {str(self._speakers)}
        for number in NUMBER.findall(summary):
            value = int(re.sub(r"[.,](?=\d{3}\b)", "", number).partition(",")[0].partition(".")[0])
            said = (german(value), german(value).removeprefix("ein"), *((ordinal(value),) if value <= 31 else ()))
            yield number, number in known or any(word and word in self._joined for word in said)
        for match in WRITTEN.finditer(summary.lower()):
            yield match.group(), re.sub(r"(?:s?ten?)$", "", match.group()) in self._joined

    def _names(self, summary: str) -> Iterable[tuple[str, bool]]:
        for match in re.finditer(r"[^\W\d_][\w'-]*", summary):
            word = match.group()
            low = re.sub(r"'s$", "", word.lower())
            is_date = low in DATES
            is_name = word[0].isupper() and word not in NO_NAMES and not STARTS.search(summary[: match.start()])
            if is_date or (is_name and self.language != "de"):
                yield word, any(form in self._words for form in (low, low.rstrip("s"), f"{low}s", *low.split("-")))


def german(value: int) -> str:
    """Say a whole number in German; a million and more in digits."""
    if value >= 1_000_000:
        return str(value)
    if value < 20:
        return SMALL[value]
    if value < 100:
        tens, ones = TENS[value // 10 - 2], value % 10
        return f"{SMALL[ones]}und{tens}" if ones else tens
    unit, word = (1000, "tausend") if value >= 1000 else (100, "hundert")
    rest = value % unit
    return f"{german(value // unit)}{word}{german(rest) if rest else ''}"


def ordinal(value: int) -> str:
    """Say the day of a month in German, without its ending."""
    return IRREGULAR.get(value, german(value) + ("t" if value < 20 else "st"))
