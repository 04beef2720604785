"""What a model writes when it has lost the thread: its own instructions, the same again and again, strange signs."""

from summarizer import prompts, shape, terms

_VARIED = 0.6
_LONG = 10
"""Of at least so many words in a sentence, the least share that are not said again in it."""


def signs(text: str) -> set[str]:
    """Return the letters of a text that belong to scripts without an alphabet like ours."""
    return {character for character in text if character >= "\u2e80" and character.isalpha()}


def in_circles(sentence: str) -> bool:
    """Say whether a sentence names the same things again and again."""
    content = [word[: terms.STEM] for word in map(terms.bare, terms.WORD.findall(sentence)) if len(word) > 3]
    return len(content) >= _LONG and len(set(content)) < _VARIED * len(content)


def of_instructions(sentence: str) -> bool:
    """Say whether a sentence repeats what the model was told to do."""
    return not _PROMPT.isdisjoint(_shingles(sentence))


def _shingles(sentence: str) -> set[str]:
    """Return the runs of five words of a sentence, or all of it where it is shorter."""
    said = shape.same(sentence).split()
    return {" ".join(said[start : start + 5]) for start in range(max(1, len(said) - 4))}


_PROMPT = {shingle for sentence in shape.sentences(prompts.own_words()) for shingle in _shingles(sentence)}
