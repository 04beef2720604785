"""What is taken on in English, as it was said: "Sure, I'll call the bank on Friday" is "call the bank", "on Friday"."""

import re
from dataclasses import dataclass

LANGUAGE = "en"
_SOFT = r"(?:(?: also| then| just| maybe| please| probably)*) "
_PROMISE = re.compile(
    r"\b(?:i(?:'ll| will| can| could| should| shall| have to| need to| must|'d|'m going to| am going to)|let me)"
    rf"{_SOFT}(?!have\b|be\b|rather\b|like\b)(?P<task>[a-z].*)",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:\b(?:could|can|would|will) you|\b(?:if|and|maybe) you(?: maybe)? could|\byou could(?= maybe)"
    r"|(?<!as )(?<!what )(?<!how )(?<!that )(?<!when )(?<!like )(?<!if )\byou(?: maybe| all)?"
    r"(?: (?:will|should|must|have to|need to|are going to)|'ll"
    rf"|(?= (?:do|take|make|look|send|write|prepare|check|call|go|get)\b))|\bplease){_SOFT}"
    r"(?!get\b|have\b|be\b|see\b|know\b|find\b|receive\b)(?P<task>[a-z].*)",
    re.IGNORECASE,
)
_HOLLOW = re.compile(
    r"(?:\w+(?: up| out| at| to)? )?(?:it|that|this|so|them|those|myself|one|nothing|something)\b|do\W*$"
)
"""Tasks whose object was named elsewhere."""
_NO_VERBS = frozenset(("when", "if", "whether", "what", "how", "as", "to", "that", "there", "not"))
_ENDS = re.compile(
    r"(?:[.?!]+(?:\s.*|$)|,? (?:so|but|because|or whatever)\b.*"
    r"|(?:,| and) (?:and )?(?:i|you|we|he|she|it|they|that|there)\b.*|[.,;?! ]+$)",
    re.IGNORECASE,
)
_DROPPED = re.compile(r"\b(?:sort of|kind of|basically|please|maybe) ", re.IGNORECASE)
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_TIME = re.compile(
    rf"\b(?:(?:by|on|until|before|over) )?(?:(?:the )?(?:end of )?(?:this|next) (?:week|month|year|morning|afternoon"
    rf"|evening|weekend|{_DAY})|the end of the (?:day|week|month)|today|tonight"
    rf"|tomorrow(?: morning| afternoon| evening)?|{_DAY}(?: next week| morning| afternoon| evening)?)\b",
    re.IGNORECASE,
)
_LEAST = 2
"""Words that a task has at least."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A task and its time."""

    task: str = ""
    """Empty if the words are not understood."""
    due: str = ""


def worded(promise: str, *, request: str = "", speaker: str = "", asking: str = "") -> Worded:
    """Word a promise, or the request that it answers.

    `speaker` promises; `asking` is meant by "me" in his request.
    """
    promised, asked = _clause(_PROMISE, promise), _clause(_REQUEST, request)
    task = _whole(promised)
    if not task:
        task = _whole(re.sub(rf",? {re.escape(speaker)}$", "", asked) if speaker else asked)
        task = re.sub(r"\bme\b", asking, task) if asking else task
    task = re.sub(r"\bmy\b", "the", task)
    time = _TIME.search(promised or promise) or _TIME.search(task)
    if not task or time is None:
        return Worded(task)
    said = time.group()
    if said not in task:
        return Worded(task, said)
    without = task.removesuffix(f" {said}")
    # "For Friday" and the like stay as they were said.
    whole = without == task or without.endswith((" for", " from", " at", " of", " since")) or " " not in without
    return Worded(task) if whole else Worded(without, said)


def _clause(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text.replace("\u2019", "'"))
    return _DROPPED.sub("", _ENDS.sub("", match["task"])).strip() if match else ""


def _whole(clause: str) -> str:
    """Return a clause if it names what is to be done."""
    said = clause.split()
    return "" if len(said) < _LEAST or said[0].lower() in _NO_VERBS or _HOLLOW.match(clause) else clause
