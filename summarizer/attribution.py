"""Who says what: a sentence that gives somebody's words to another one is put right, or goes."""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from summarizer import terms, words
from summarizer.nearness import heaviest, weights
from summarizer.types import Utterance

_LEAST = 2
"""Words with weight that a claim needs to be judged."""
_OWN = 0.5
"""Share of a claim's weight that its speaker said himself: it stands, whatever others said."""
_ALONE = 0.2
"""Share of a claim's weight in words that nobody but its speaker says: it stands as well."""
_CLEAR = 1.4
"""So much more than anybody else must one say to be the one who said it."""
_REACH = 3
"""Words between a speaker's name and the verb: "the marketing expert then suggests"."""
_LEAST_DONE = 3
_LITTLE = 0.4
_ELSEWHERE = 2.0
"""What somebody does is told by others too: he is not the one only if so little of at least so many words comes from
him or just before he speaks, and so much more from another one."""
_AND = frozenset(["and", "und", "et", "y", "e", "en", "or", "oder", "ou", "o"])
_BEFORE_VERBS = {
    "a",
    "ha",
    "hat",
    "has",
    "have",
    "had",
    "heeft",
    "tem",
    "avait",
    "also",
    "then",
    "auch",
    "dann",
    "aussi",
}
_ASIDE = re.compile(r",[^,.;]{3,60},(?= )")
"""Who he is: "Anna, the head of the office, says"."""
_BEING = re.compile(r" (?:is|was|will be|would be|acts as|serves as) (?:the|an?) (\w+(?: \w+)?)")
"""What somebody is told to be."""
_ARTICLES = frozenset(["the", "der", "die", "das", "le", "la", "el", "il", "lo", "o", "a", "os", "as", "de", "het"])


@dataclass(frozen=True, slots=True)
class _Claim:
    speaker: str
    start: int
    """Where the speaker's name begins in the sentence, without an article."""
    verb: int
    stems: frozenset[str]
    """Those of its words that the transcript has."""
    strange: int
    """Number of its words that the transcript has not."""
    leads: bool
    """Whether the sentence begins with the speaker."""
    done: bool
    """Whether it tells what somebody does rather than what he says."""


class Attribution:
    """Knows who said which words of a transcript, and near which others."""

    def __init__(self, spoken: Sequence[Utterance], *, asking: Container[int]) -> None:
        """`spoken`: cleaned. `asking`: numbers of the turns in which something is wanted of another one."""
        self._asking = asking
        self._turns = [(terms.bare_name(each.speaker), terms.stems(each.text)) for each in spoken]
        self._labels = {terms.bare_name(each.speaker): each.speaker for each in spoken if each.speaker}
        self._weight = weights([stems for _, stems in self._turns])
        self._sayers: defaultdict[str, set[str]] = defaultdict(set)
        """Who says a stem at all."""
        for who, stems in self._turns:
            for stem in stems:
                self._sayers[stem].add(who)
        self._known = {**_first_names(spoken, self._labels), **{label: label for label in self._labels}}
        names = sorted(filter(None, (*self._labels.values(), *self._known)), key=len, reverse=True)
        self._name = re.compile(rf"\b(?:{'|'.join(map(re.escape, names)) or '(?!)'})\b", re.IGNORECASE)
        self._own = {stem for name in names for stem in terms.stems(name)}

    def mended(self, sentence: str) -> str:
        """Return a sentence with its speaker put right, "" if it lays words into a mouth and nobody is sure."""
        if not self._theirs(sentence) or self._mistakes(sentence):
            return ""
        claims = list(self._claims(sentence))
        for claim in claims:
            right = self._right(claim)
            if right == claim.speaker:
                continue
            # What somebody does is told in too many words that are not his to be given to another one.
            if not right or len(claims) > 1 or not claim.leads or claim.done:
                return ""
            label = self._labels[right]
            if label.lower() in sentence.lower():
                return ""
            # "The project manager says", but "Marketing says" and "Anna says".
            article = sentence[: claim.start] if " " in label else ""
            return f"{article}{label} {sentence[claim.verb :]}"
        return sentence

    def _theirs(self, sentence: str) -> bool:
        """Say whether what two speakers are told to do together rests on what one of them said, as far as is known."""
        names = list(self._name.finditer(sentence))[:2]
        if len(names) < 2:
            return True
        between = {terms.bare(word) for word in terms.WORD.findall(sentence[names[0].end() : names[1].start()])}
        before = {terms.bare(word) for word in terms.WORD.findall(sentence[: names[0].start()])}
        if not before <= _ARTICLES or not between & _AND or not between <= _AND | _ARTICLES:
            return True
        pair = {self._known[terms.bare_name(name.group())] for name in names}
        stems = frozenset((terms.stems(sentence[names[1].end() :]) - self._own) & self._weight.keys())
        own = max(self._said(speaker, stems) for speaker in pair)
        others = max((self._said(speaker, stems) for speaker in self._labels if speaker not in pair), default=0.0)
        whole = sum(self._weight[stem] for stem in stems)
        return len(stems) < _LEAST_DONE or own >= _OWN * whole or own * _CLEAR >= others

    def _mistakes(self, sentence: str) -> bool:
        """Say whether one speaker is told to be what another one is called: "the designer is the manager"."""
        for name in self._name.finditer(sentence):
            if told := _BEING.match(sentence, name.end()):
                label = self._known[terms.bare_name(name.group())]
                role = set(told[1].lower().split()) - set(label.split())
                if any(role & set(other.split()) for other in self._labels if " " in other and other != label):
                    return True
        return False

    def _claims(self, sentence: str) -> Iterator[_Claim]:
        """Yield what somebody is told to say or, where the sentence begins with him, to do."""
        found = list(terms.WORD.finditer(sentence))
        heads: list[tuple[re.Match[str], int, int, bool, bool]] = []
        ends = [len(sentence)]
        for match in self._name.finditer(sentence):
            before = [word for word in found if word.end() <= match.start()]
            last = terms.bare(before[-1].group()) if before else ""
            leads = not before or (len(before) == 1 and last in _ARTICLES)
            joined = before[-2:-1] if last in _ARTICLES else before[-1:]
            if joined and terms.bare(joined[0].group()) in _AND:
                ends.append(match.start())
            aside = _ASIDE.match(sentence, match.end())
            for begin in (match.end(), *((aside.end(),) if aside else ())):
                after = [word for word in found if word.start() >= begin][:_REACH]
                verb = next((word for word in after if terms.bare(word.group()) in words.SPEAKS), None)
                if verb is not None:
                    first = next(word for word in after if word is verb or terms.bare(word.group()) in _BEFORE_VERBS)
                    heads.append((match, first.start(), verb.end(), leads, False))
                    break
            else:
                after = [word for word in found if word.start() >= match.end()]
                if (
                    leads
                    and len(after) > 1
                    and sentence[match.end()] == " "
                    and terms.bare(after[0].group()) not in _AND
                ):
                    # "The user interface designer will": a word of his role is no verb.
                    role = after[0].group()[0].isupper() or terms.bare(after[1].group()) in words.SAYS
                    verb = after[1 if role and terms.bare(after[0].group()) not in words.SAYS else 0]
                    heads.append((match, verb.start(), verb.start(), leads, True))
        for number, (match, verb_start, begin, leads, done) in enumerate(heads):
            ends += [heads[number + 1][0].start()] if number + 1 < len(heads) else []
            end = min(end for end in ends if end > begin)
            stems = terms.stems(sentence[begin:end]) - self._own
            known = frozenset(stems & self._weight.keys())
            yield _Claim(
                self._known[terms.bare_name(match.group())],
                match.start(),
                verb_start,
                known,
                len(stems - known),
                leads,
                done,
            )

    def _right(self, claim: _Claim) -> str:
        """Return whom a claim is about: the claimed one where nothing speaks against it, "" if nobody is sure."""
        if len(claim.stems) < (_LEAST_DONE if claim.done else _LEAST):
            return claim.speaker
        whole = sum(self._weight[stem] for stem in claim.stems)
        said = {speaker: self._said(speaker, claim.stems, before=claim.done) for speaker in self._labels}
        own = said[claim.speaker]
        alone = sum(self._weight[stem] for stem in claim.stems if self._sayers[stem] == {claim.speaker})
        if alone >= _ALONE * whole:
            return claim.speaker
        # What is said to somebody is no reason to think that he said it.
        others = {speaker: self._said(speaker, claim.stems) for speaker in self._labels if speaker != claim.speaker}
        first, second, *_ = sorted((*others.values(), 0.0, 0.0), reverse=True)
        if claim.done and (own >= _LITTLE * whole or own * _ELSEWHERE >= first):
            return claim.speaker
        if own >= _OWN * whole or own * _CLEAR >= first:
            return claim.speaker
        sure = first >= max(_OWN * whole, _CLEAR * second) and claim.strange < len(claim.stems)
        return max(others, key=lambda speaker: others[speaker]) if sure else ""

    def _said(self, speaker: str, stems: frozenset[str], *, before: bool = False) -> float:
        """Return the weight of those stems that one says within a few turns, or is asked for `before` he speaks."""
        hits = []
        following = (*(who for who, _ in self._turns[1:]), "")
        for turn, ((who, said), then) in enumerate(zip(self._turns, following, strict=False)):
            his = who == speaker or (before and then == speaker and turn in self._asking)
            if his and (shared := said & stems):
                hits.append((turn, shared))
        return heaviest(hits, self._weight)


def _first_names(spoken: Sequence[Utterance], labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels by the first word of those that begin with a name: one that is never written small."""
    said = {word for utterance in spoken for word in terms.WORD.findall(utterance.text)}
    first = Counter(label.split()[0] for label in labels)
    return {
        label.split()[0]: label
        for label, written in labels.items()
        if (name := written.split()[0]) in said and name.lower() not in said and first[label.split()[0]] == 1
    }
