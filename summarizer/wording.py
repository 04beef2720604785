"""What is taken on in English, as it was said: "Sure, I'll call the bank on Friday" is "call the bank", "on Friday"."""

import re
from dataclasses import dataclass

LANGUAGE = "en"
_SOFT = r"(?:(?: also| then| just| maybe| please| probably)*) "
_PROMISE = re.compile(
    r"\b(?:i(?:'ll| will| can| could| should| shall| have to| need to| must|'d|'m going to| am going to)|let me)"
    rf"{_SOFT}(?!have\b|be\b|rather\b|like\b|absolutely\b|agree\b)(?P<task>[a-z].*)",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:\b(?:could|can|would|will) you|\b(?:if|and|maybe) you(?: maybe)? could|\byou could(?= maybe)"
    r"|(?<!as )(?<!what )(?<!how )(?<!that )(?<!when )(?<!like )(?<!if )\byou(?: maybe| all)?"
    r"(?: (?:will|should|must|have to|need to|are going to)|'ll"
    rf"|(?= (?:do|take|make|look|send|write|prepare|check|call|go|get)\b))|\bplease){_SOFT}"
    r"(?!get\b|have\b|be\b|see\b|know\b|find\b|receive\b|like\b)(?P<task>[a-z].*)",
    re.IGNORECASE,
)
_HOLLOW = re.compile(
    r"(?:\w+(?: up| out| at| to)? )?(?:it|that|this|so|them|those|myself|one|nothing|something)\b|do\W*$"
)
"""Tasks whose object was named elsewhere."""
_AT_ONCE = re.compile(
    r"(?:go (?:first|last|next|round|around|through|back|on|ahead|over|any)|(?:try to )?draw|tell|say|explain|introduce"
    r"|begin|hold|skip|close (?:the|this) meeting)\b",
    re.IGNORECASE,
)
"""What is done while people sit together, and no task when they part."""
_UNENDED = re.compile(
    r"(?:\b(?:an?|the|and|or|but|to|of|by|from|with|about|into|as)\W*$| (?:It|You|We|He|She|They|I) )"
)
"""What was not said to its end, or runs into the next sentence."""
_LONGEST = 20
"""Words of a task past which speech has lost its full stops."""
_NO_VERBS = frozenset(("when", "if", "whether", "what", "how", "as", "to", "that", "there", "not"))
_ENDS = re.compile(
    r"(?:[.?!]+(?:\s.*|$)|,? (?:so|but|because|or whatever)\b.*|(?: until)? then[,.;?! ]*$"
    r"|(?:,| and) (?:and )?(?:i|you|we|he|she|it|they|that|there)\b.*|[.,;?! ]+$)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"^(?:(?:and|so|but) )?(if (?:(?!\b(?:you|i|we)\b)[^,]){3,60}), ", re.IGNORECASE)
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
    condition = _CONDITION.match(request or promise)
    if task and condition:
        return Worded(f"{task} {condition[1][:1].lower()}{condition[1][1:]}")
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


def at_once(promise: str) -> bool:
    """Say whether a promise is kept while people sit together: "Let me draw it" and "I'll go first" are."""
    told = promise.replace("\u2019", "'")
    match = _PROMISE.search(told)
    if match is None or _TIME.search(told):
        return False
    return match.group().lower().startswith("let me") or bool(_AT_ONCE.match(match["task"]))


def _clause(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text.replace("\u2019", "'"))
    return _DROPPED.sub("", _ENDS.sub("", match["task"])).strip() if match else ""


def _whole(clause: str) -> str:
    """Return a clause if it names what is to be done."""
    said = clause.split()
    told = _LEAST <= len(said) <= _LONGEST and not _UNENDED.search(clause)
    return "" if not told or said[0].lower() in _NO_VERBS or _HOLLOW.match(clause) else clause
