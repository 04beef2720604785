"""What is compared where wrong words are counted: normalised English, numbers by their digits."""

import re
from collections.abc import Sequence

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer

NORMAL = EnglishTextNormalizer()


def apart(text: str) -> str:
    """Every digit by itself: digits that were read out are written together or apart, and neither is an error."""
    return re.sub(r"(?<=\d)\s*(?=\d)", " ", text)


def english(text: str) -> str:
    """Words as whisper_normalizer leaves them, and digits."""
    return apart(str(NORMAL(text)))


def error_rate(references: Sequence[str], texts: Sequence[str]) -> float:
    """Word error rate of all texts together, percent."""
    return 100 * jiwer.wer([english(text) for text in references], [english(text) or "-" for text in texts])
