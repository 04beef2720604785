"""Numbers in text, as digits or as words: which values a transcript speaks of, and which ones a summary claims."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SCALE = {
    **dict.fromkeys(("hundred", "hundert", "cent", "cien", "ciento", "cento", "honderd", "cem"), 100),
    **dict.fromkeys(("thousand", "tausend", "mille", "mil", "mila", "duizend", "k"), 1_000),
    **dict.fromkeys(
        (
            "million",
            "millions",
            "millionen",
            "millón",
            "millones",
            "milione",
            "milioni",
            "milhão",
            "milhões",
            "miljoen",
            "m",
            "mn",
        ),
        1_000_000,
    ),
    **dict.fromkeys(
        ("billion", "billions", "milliarde", "milliarden", "milliard", "milliards", "miljard", "bn"), 1_000_000_000
    ),
}
_ONES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "de": "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete "
    "dezoito dezenove",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien "
    "zeventien achttien negentien",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "nl": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
}
LANGUAGES = frozenset(_ONES)
"""Languages whose number words are known."""

_EXTRA = {
    "eins": 1, "eine": 1, "einen": 1, "zwo": 2, "une": 1, "una": 1, "un": 1, "uma": 1, "dezasseis": 16, "dezassete": 17,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "dozen": 12, "oh": 0,
    "dutzend": 12, "quatre-vingts": 80, "twenties": 20, "thirties": 30, "veintiún": 21,
}  # fmt: skip
_PHRASES = (
    (
        re.compile(r"\bhalf an? hour\b|\bhalben? stunde\b|\bdemi-heure\b|\bmedia hora\b|\bmezz'ora\b|\bmeia hora\b"),
        (30, 0.5),
    ),
    (re.compile(r"\bquarter of an hour\b|\bviertelstunde\b|\bquart d'heure\b"), (15,)),
    (re.compile(r"\bhour and a half\b|\banderthalb stunden\b"), (90, 1.5)),
    (re.compile(r"\bhalf\b"), (0.5, 50)),
    (re.compile(r"\b(?:an|one) hour\b"), (60,)),
    (re.compile(r"\bcouple\b"), (2,)),
)
_JOINS = frozenset(("and", "und", "et", "y", "e", "en", "a", "of"))
_POINTS = frozenset(("point", "dot", "komma", "virgule", "coma", "virgola", "vírgula", "punto", "ponto", "comma"))
_MONEY = re.compile(
    r"(?:euros?|dollars?|pounds?|francs?|franken|bucks?|percent|prozent|%|€|\$|£|hours?|degrees?|pesos?|reais)$"
)
_TOKEN = re.compile(r"\d+(?:[.,:\u2019' ]\d{3}(?!\d))*(?:[.,:]\d+)*|[^\W\d_]+(?:[-\u2019'][^\W\d_]+)*|%")
_RUN = 8
"""Longest run of number words that is read as one number."""


def _build_words() -> dict[str, float]:
    words: dict[str, float] = {}
    for code, ones in _ONES.items():
        small = {word: float(value) for value, word in enumerate(ones.split())}
        tens = {word: 20.0 + 10 * index for index, word in enumerate(_TENS[code].split())}
        for ten, base in tens.items():
            for one, unit in list(small.items())[1:10]:
                for form in (f"{ten}-{one}", f"{one}und{ten}", f"{one}en{ten}", f"{one}ën{ten}", f"{ten}{one}"):
                    words.setdefault(form, base + unit)
                words.setdefault(f"{ten[:-1]}{one}", base + unit)
                words.setdefault(f"{ten[:-1]}i{one}", base + unit)
        words |= small | tens
    return words | {word: float(value) for word, value in _EXTRA.items()}


WORDS = _build_words()
"""Number words and their values."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A number that a text mentions."""

    text: str
    """As written."""
    values: frozenset[float]
    """What the whole of it can mean."""
    parts: frozenset[float]
    """What pieces of it can mean besides: "two, three hundred" speaks of 2, of 3, of 300."""
    word: bool
    """Whether it is written in words."""
    followed_by: str
    """The word after it, in lower case."""


def values(text: str) -> set[float]:
    """Return every value that the text may speak of: generous, since it is what claims are held against."""
    text = text.lower()
    found: set[float] = set()
    for pattern, meant in _PHRASES:
        if pattern.search(text):
            found.update(meant)
    for claim in claims(text):
        found |= claim.values | claim.parts
    return found


def claims(text: str) -> list[Claim]:
    """Return the numbers that the text mentions, in order."""
    tokens = [token.group() for token in _TOKEN.finditer(text)]
    low = [token.lower() for token in tokens]
    found: list[Claim] = []
    at = 0
    while at < len(tokens):
        length = _run(low, at)
        if length:
            run = low[at : at + length]
            after = low[at + length] if at + length < len(low) else ""
            whole = frozenset((*_whole(run), *_with_hundredths(low, at, length)))
            written = " ".join(tokens[at : at + length])
            found.append(Claim(written, whole, frozenset(_parts(run)), not run[0][0].isdigit(), after))
        at += length or 1
    return found


def _run(low: list[str], at: int) -> int:
    """Return how many tokens from here on are one number."""
    if not (low[at][0].isdigit() or low[at] in WORDS or low[at] in {"hundred", "thousand", "million"}):
        return 0
    length = 1
    while at + length < len(low) and length < _RUN:
        token = low[at + length]
        following = low[at + length + 1] if at + length + 1 < len(low) else ""
        if token in WORDS or token in _SCALE:
            length += 1
        elif token in _JOINS | _POINTS and (following in WORDS or following in _SCALE):
            length += 2
        else:
            break
    return length


def _whole(run: list[str]) -> Iterable[float]:
    """Yield what all of a run can mean: its sum, "twelve fifty" as 12.5 and 1250, "twenty twenty six" as 2026."""
    numbers = [token for token in run if token not in _JOINS]
    yield from _sum(numbers)
    numbers = [token for token in numbers if token not in _POINTS]
    for split in range(1, len(numbers)):
        for left in _sum(numbers[:split]):
            for right in _sum(numbers[split:]):
                if 0 <= right < 100:
                    yield from (left * 100 + right, left + right / 100, left + right / 10)


def _parts(run: list[str]) -> Iterable[float]:
    numbers = [token for token in run if token not in _JOINS]
    for first in range(len(numbers)):
        for last in range(first + 1, len(numbers) + 1):
            yield from _sum(numbers[first:last])


def _sum(tokens: list[str]) -> Iterable[float]:
    """Yield the value of a whole number phrase, read the usual way: "two hundred and five thousand"."""
    total = current = 0.0
    for position, token in enumerate(tokens):
        if token in _POINTS:
            return
        if token in _SCALE and position:
            scale = _SCALE[token]
            if scale == 100:
                current = max(current, 1) * scale
            else:
                total += max(current, 1) * scale
                current = 0.0
        else:
            single = _single(token)
            if not single:
                return
            if len(tokens) == 1:
                yield from single
                return
            current += single[0]
    yield total + current


def _single(token: str) -> list[float]:
    if token in WORDS:
        return [WORDS[token]]
    if token in _SCALE:
        return [float(_SCALE[token])]
    if not token[0].isdigit():
        return []
    if "," in token and "." in token:
        whole, decimals = re.split(r"[.,](?=\d*$)", token)
        return [float(f"{re.sub(r'[^0-9]', '', whole)}.{decimals}")]
    read = [float(re.sub(r"[^\d]", "", token))]
    if ":" in token:
        read += [float(part) for part in token.split(":")]
    elif len(parts := re.split(r"[.,]", token)) == 2:
        read.append(float(f"{parts[0]}.{parts[1]}"))
        if len(parts[1]) != 3:
            read = read[1:] + read[:1]
    return read


def _with_hundredths(low: list[str], at: int, length: int) -> Iterable[float]:
    """Yield "twelve euros (and) fifty" as 12.5."""
    after = at + length
    if after >= len(low) or not _MONEY.match(low[after]):
        return
    after += 1
    if after < len(low) and low[after] in _JOINS:
        after += 1
    second = _run(low, after) if after < len(low) else 0
    if second:
        for whole in _sum(low[at : at + length]):
            for part in _sum(low[after : after + second]):
                if 0 < part < 100:
                    yield whole + part / 100
