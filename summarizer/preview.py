"""The preview of a summary while it is written: prose as it comes, lists line by line."""

from summarizer import shape
from summarizer.types import Line, Style


class Preview:
    """Turns the growing text of one pass into parts that can be appended."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._shown = 0

    def more(self, text: str) -> str:
        """Return what has become showable since the last call; empty if nothing has."""
        if self._style is Style.DETAILED and text.lstrip().startswith("{"):
            blocks = shape.topics(text)
            new_blocks, shown, self._shown = blocks[self._shown :], self._shown, len(blocks)
            return ("\n\n" if shown and new_blocks else "") + shape.prose(new_blocks)
        if self._style is Style.BRIEF and text.lstrip().startswith("{"):
            said = shape.plain(text)
            new_said, shown, self._shown = said[self._shown :], self._shown, len(said)
            return (" " if shown and new_said else "") + " ".join(new_said)
        if not self._style.listed:
            new, self._shown = text[self._shown :], len(text)
            return new
        rows: list[Line] = shape.lines(text, self._style)
        new_rows, self._shown = rows[self._shown :], len(rows)
        return "".join(f"- {shape.written(row)}\n" for row in new_rows)
