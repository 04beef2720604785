"""The shape of each style: from what a model wrote to sentences and lines, and from those to what a person reads."""

import json
import re
from collections.abc import Iterable, Sequence

from summarizer import words
from summarizer.prompts import LIST_KEY
from summarizer.types import Line, Style

NONE = "none"
"""The text of a list of action items that is empty."""

BRIEF_SENTENCES = 4

_ENDS = re.compile(r"(?<=[.!?…])[\"'”\u2019)]*\s+(?=[\"'“\u2018(¿¡]*[^\W_a-z])|(?<=[。\uff01\uff1f])(?!$)")
_ABBREVIATED = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|ca|z\.B|d\.h|bzw|Sr|Sra)|\b[A-ZÄÖÜ])\.$")
_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_MARKUP = re.compile(r"\*\*|__|^\s*#{1,6}\s*|^\s*>\s+", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•\u2013·]|\d{1,2}[.)])\s+")
_PREAMBLE = re.compile(
    r"^\s*(?:sure|certainly|of course|okay|here (?:is|are)|(?:the )?(?:brief |detailed )?summary"
    r"|summary of[^:\n]{0,60})"
    r"[^:\n]{0,80}:\s*",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Split running text into sentences."""
    parts: list[str] = []
    for part in _ENDS.split(text.strip()):
        if parts and _ABBREVIATED.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {part.strip()}"
        elif part.strip():
            parts.append(part.strip())
    return parts


def paragraphs(text: str, style: Style, *, cut: bool) -> list[list[str]]:
    """Read prose that a model wrote: paragraphs of sentences, each once, without markup.

    `cut` says that the text broke off, so that its last sentence goes if it is not whole.
    """
    if text.lstrip().startswith("{"):
        return topics(text) if style is Style.DETAILED else [list(block) for block in shortened([plain(text)], style)]
    text = _PREAMBLE.sub("", _MARKUP.sub("", _FENCE.sub("", text)), count=1)
    seen: set[str] = set()
    read: list[list[str]] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d{1,2}[.)])\s)", text):
        flat = " ".join(_BULLET.sub("", line) for line in block.splitlines()).strip()
        kept = []
        for sentence in sentences(flat):
            key = same(sentence)
            if key and key not in seen:
                seen.add(key)
                kept.append(sentence)
        if kept:
            read.append(kept)
    if cut and read and not read[-1][-1].endswith((".", "!", "?", "。", "\uff01", "\uff1f", "…")):
        read[-1].pop()
        read = [block for block in read if block]
    return [list(block) for block in shortened(read, style)]


def shortened(blocks: Sequence[Sequence[str]], style: Style) -> tuple[tuple[str, ...], ...]:
    """Return as many sentences as the style holds."""
    if style is Style.BRIEF and blocks:
        return (tuple(sentence for block in blocks for sentence in block)[:BRIEF_SENTENCES],)
    return tuple(tuple(block) for block in blocks)


def topics(text: str) -> list[list[str]]:
    """Read prose that a model wrote as JSON, topic by topic, as far as it goes."""
    read = []
    for entry in entries(text, Style.DETAILED):
        said = entry.get("sentences") if isinstance(entry, dict) else None
        if isinstance(said, list) and (kept := [_tidy(each) for each in said if _tidy(each)]):
            read.append(kept)
    return read


def plain(text: str) -> list[str]:
    """Read sentences that a model wrote as JSON, as far as it goes."""
    return [_tidy(entry) for entry in entries(text, Style.BRIEF) if _tidy(entry)]


def prose(blocks: Iterable[Sequence[str]]) -> str:
    """Write paragraphs of sentences."""
    return "\n\n".join(" ".join(block) for block in blocks)


def same(sentence: str) -> str:
    """Return what two sentences that say the same word for word have in common."""
    return " ".join(re.findall(r"\w+", sentence.lower()))


def lines(text: str, style: Style) -> list[Line]:
    """Read a list that a model wrote as JSON, whole or broken off, or as plain bullets; each line once."""
    read: list[Line] = []
    for entry in entries(text, style):
        line = _line(entry, style)
        if line is not None and not any(same(line.text) == same(other.text) for other in read):
            read.append(line)
    return read


def entries(text: str, style: Style) -> list[object]:
    """Return the whole entries of the list, as many as there are yet: text of any length may be read as it grows."""
    body = _FENCE.sub("", text)
    opening = re.search(rf'"{LIST_KEY[style]}"\s*:\s*\[', body) or re.search(r"^\s*\[", body)
    if opening is None:
        if "{" in body or "[" in body:
            return []
        return [_BULLET.sub("", line) for line in body.splitlines() if _BULLET.match(line)]
    decoder = json.JSONDecoder()
    found: list[object] = []
    position = opening.end()
    while True:
        while position < len(body) and body[position] in " \t\r\n,":
            position += 1
        try:
            entry, position = decoder.raw_decode(body, position)
        except ValueError:
            return found
        found.append(entry)


def listed(style: Style, rows: Sequence[Line]) -> str:
    """Write the lines of a list."""
    if not rows and style is Style.ACTION_ITEMS:
        return NONE
    return "\n".join(f"- {written(row)}" for row in rows)


def written(line: Line) -> str:
    """Write one line without its bullet: "who: what (when)"."""
    text = f"{line.owner}: {line.text}" if line.owner else line.text
    return f"{text} ({line.due})" if line.due else text


def _line(entry: object, style: Style) -> Line | None:
    if isinstance(entry, str):
        text = _tidy(_BULLET.sub("", entry))
        return Line(text) if text else None
    if not isinstance(entry, dict):
        return None
    if style is Style.BULLET_POINTS:
        first = next((value for value in entry.values() if isinstance(value, str)), "")
        return _line(first, style)
    text = _tidy(entry.get("task"))
    return Line(text, owner=_said(entry.get("owner")), due=_said(entry.get("due"))) if _said(text) else None


def _tidy(value: object) -> str:
    return " ".join(value.split()).strip() if isinstance(value, str) else ""


def _said(value: object) -> str:
    text = _tidy(value).strip(" .")
    return "" if text.lower() in words.NOTHING else text
