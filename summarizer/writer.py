"""The writing of one summary: clean, fit, read in one pass or by parts, write, check, and write again if need be."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from rpc.errors import ServiceError
from summarizer import extractive, language, mapreduce, prompts, shape, wording
from summarizer.citations import Citations
from summarizer.clean import clean
from summarizer.commitments import Commitment, commitments
from summarizer.engines import Engine, Generation
from summarizer.errors import EngineFailed
from summarizer.guard import Checked, Guard
from summarizer.mapreduce import Measured
from summarizer.naming import named
from summarizer.nextsteps import with_next_steps
from summarizer.passes import Passes, Written
from summarizer.preview import Preview
from summarizer.reading import once
from summarizer.types import Delta, Line, Order, Style, Summary, Utterance

_MARGIN = 64
"""Tokens left free for the chat template."""
_QUOTES = {Style.BRIEF: 2, Style.DETAILED: 6, Style.BULLET_POINTS: 5, Style.ACTION_ITEMS: 0}
"""Utterances that stand in where no sentence of the model stood the check."""
_FEW = {Style.BRIEF: 2, Style.DETAILED: 4, Style.BULLET_POINTS: 3}
"""Sentences below which a summary of which parts were left out is written again."""
_PARTS = {Style.ACTION_ITEMS: 3, Style.DETAILED: 3}
"""What may be left out for each thing that is kept: of an action item the task, its owner and its time; of a detailed
summary much, since it has more than enough."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Material:
    """What the model reads before it writes."""

    text: str
    tokens: int
    notes: bool = False
    """Whether it is notes on parts instead of the transcript."""


class Writer:
    """Writes summaries of one transcript with one engine.

    `notes` keeps what was noted on parts, by their text: a transcript that grows is not read again from its start.
    """

    def __init__(self, engine: Engine, passes: Passes, *, notes: MutableMapping[str, str]) -> None:
        self._engine = engine
        self._passes = passes
        self._notes = notes

    async def write(self, utterances: Sequence[Utterance], order: Order) -> AsyncGenerator[Delta | Summary, None]:
        """Yield previews if asked for, then the summary."""
        utterances = await asyncio.to_thread(named, utterances)
        own = language.detect(" ".join(utterance.text for utterance in utterances))
        spoken = await asyncio.to_thread(clean, utterances, language=own)
        answer = order.language or own
        guard = await asyncio.to_thread(Guard, utterances, language=own, spoken=spoken)
        room = await self._room(order.style)
        measured = await mapreduce.measure(spoken, count=self._engine.count, room=room)
        by_passage = order.style is Style.ACTION_ITEMS
        taken_on = commitments(spoken, language=own) if self._engine.capabilities.small else []
        with self._passes.admitted(mapreduce.total(measured)):
            checked = await self._tasks(taken_on if by_passage else [], guard, answer=answer, same=answer == own)
            if checked.kept:
                if order.deltas:
                    yield Delta(shape.listed(order.style, checked.lines))
            elif order.style is Style.ACTION_ITEMS and mapreduce.total(measured) > room:
                checked = await self._items_of_parts(measured, guard, room=room, answer=answer)
            else:
                material = await self._material(measured, room=room, answer=answer)
                preview = Preview(order.style)
                written = Written("")
                async with aclosing(self._first(material, order.style, answer=answer)) as stream:
                    async for written in stream:
                        if order.deltas and (more := preview.more(written.text)):
                            yield Delta(more)
                checked = _check(written, order.style, guard, answer=answer, wide=material.notes)
                if written.circles or _doubtful(checked, order.style, answer=answer):
                    checked = await self._again(material, order.style, guard, answer=answer, first=checked)
                if not order.style.listed and answer == own == wording.LANGUAGE:
                    checked = with_next_steps(checked, order.style, taken_on, transcript=material.text)
        yield await asyncio.to_thread(self._summary, checked, order.style, utterances, spoken)

    def _first(self, material: _Material, style: Style, *, answer: str) -> AsyncGenerator[Written, None]:
        return self._passes.stream(self._generation(material, style, answer=answer), tokens=material.tokens)

    async def _again(self, material: _Material, style: Style, guard: Guard, *, answer: str, first: Checked) -> Checked:
        """Write once more, with more care asked for, and keep the better of the two, or what is sound in both."""
        # A detailed summary of which little is left gets what the main points tell besides.
        points = style is Style.DETAILED
        generation = self._generation(
            material, Style.BULLET_POINTS if points else style, answer=answer, strict=not points
        )
        written = await self._passes.read(generation, tokens=material.tokens)
        second = _check(written, Style.BULLET_POINTS if points else style, guard, answer=answer, wide=material.notes)
        if points:
            second = Checked((tuple(line.text for line in second.lines),), dropped=second.dropped)
        _log.info("summary_written_again", style=style.value, dropped=first.dropped, then=second.dropped)
        better, other = first, second
        if not points or _foreign(first, answer):
            better, other = sorted((first, second), key=lambda checked: -_worth(checked, style, answer=answer))
        if not style.listed and other.kept and not _foreign(other, answer):
            # What stood the check of either is worth telling; what both tell is told once.
            both = guard.prose((*better.blocks, *other.blocks), answer=answer, wide=True)
            return replace(both, blocks=shape.shortened(both.blocks, style), dropped=better.dropped)
        return better

    def _generation(self, material: _Material, style: Style, *, answer: str, strict: bool = False) -> Generation:
        # Prose by a larger model needs no form, and can be shown as it is written; its grammar would cost each step.
        formed = style.listed or self._engine.capabilities.small
        return prompts.summary(
            material.text,
            style,
            language=answer,
            grammar=self._engine.capabilities.json_schema and formed,
            notes=material.notes,
            strict=strict,
        )

    async def _room(self, style: Style) -> int:
        """Return the tokens of transcript that one pass can hold beside everything else."""
        [overhead] = await self._engine.count([prompts.overhead()])
        answer = max(prompts.answer_tokens(style), prompts.NOTES_TOKENS)
        return max(prompts.LEAST_ROOM, self._engine.capabilities.context_tokens - overhead - answer - _MARGIN)

    async def _material(self, measured: Sequence[Measured], *, room: int, answer: str) -> _Material:
        """Return the transcript if it fits, else notes on its parts, noted down until they fit."""
        tokens = mapreduce.total(measured)
        noted = False
        while tokens > room:
            notes = await self._notes_on(mapreduce.parts(measured, room=room), tokens=room, answer=answer)
            measured = await mapreduce.measure(notes, count=self._engine.count, room=room)
            if mapreduce.total(measured) >= tokens:
                raise EngineFailed("the notes on the parts are no shorter than the parts")
            tokens, noted = mapreduce.total(measured), True
        return _Material(prompts.transcript_text([each.utterance for each in measured]), tokens, noted)

    async def _notes_on(self, parts: Sequence[Sequence[Utterance]], *, tokens: int, answer: str) -> list[Utterance]:
        texts = [prompts.transcript_text(part) for part in parts]
        new = [text for text in texts if text not in self._notes]
        asked = [prompts.notes_on(text, language=answer) for text in new]
        for text, written in zip(new, await self._all(asked, tokens=tokens), strict=True):
            blocks = shape.paragraphs(written.text, Style.DETAILED, cut=written.cut)
            self._notes[text] = " ".join(sentence for block in blocks for sentence in block)
        return [Utterance(f"Part {number}", self._notes[text]) for number, text in enumerate(texts, start=1)]

    async def _items_of_parts(self, measured: Sequence[Measured], guard: Guard, *, room: int, answer: str) -> Checked:
        """List the action items of each part: merging lists needs no model, and loses nothing."""
        parts = mapreduce.parts(measured, room=room)
        materials = [_Material(prompts.transcript_text(part), room) for part in parts]
        asked = [self._generation(material, Style.ACTION_ITEMS, answer=answer) for material in materials]
        rows = [
            row
            for written in await self._all(asked, tokens=room)
            for row in shape.lines(written.text, Style.ACTION_ITEMS)
        ]
        return guard.tasks(once(rows), answer=answer)

    async def _tasks(self, taken_on: Sequence[Commitment], guard: Guard, *, answer: str, same: bool) -> Checked:
        """Word what is taken on in each passage, and hold it to that passage."""
        grammar = self._engine.capabilities.json_schema
        unclear = [passage for passage in taken_on if not (same and passage.worded.task)]
        asked = [
            prompts.task(passage.text, owner=passage.owner, language=answer, grammar=grammar) for passage in unclear
        ]
        told = {
            passage: shape.lines(written.text, Style.ACTION_ITEMS)[:1]
            for passage, written in zip(unclear, await self._all(asked, tokens=0), strict=True)
        }
        rows = [(passage, told.get(passage, [])) for passage in taken_on]
        checked = await asyncio.to_thread(guard.taken_on, rows, answer=answer)
        return replace(checked, lines=tuple(once(checked.lines)))

    async def _all(self, asked: Sequence[Generation], *, tokens: int) -> list[Written]:
        """Run passes side by side, as far as the engine gains from it."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._passes.read(each, tokens=tokens)) for each in asked]
        except* ServiceError as errors:
            raise _first_error(errors) from None
        return [task.result() for task in tasks]

    def _summary(
        self, checked: Checked, style: Style, utterances: Sequence[Utterance], spoken: Sequence[Utterance]
    ) -> Summary:
        """Put what stood the check into its form, with citations."""
        model = self._engine.capabilities.model if self._passes.usage.passes else extractive.MODEL
        if not checked.kept and _QUOTES[style]:
            _log.warning("summary_unsupported", style=style.value, dropped=checked.dropped)
            quotes = extractive.central(spoken, most=_QUOTES[style])
            model = extractive.MODEL
            if style.listed:
                checked = replace(checked, lines=tuple(Line(quote.line) for quote in quotes))
            else:
                checked = replace(checked, blocks=(tuple(quote.line for quote in quotes),))
        if not style.listed:
            return Summary(shape.prose(checked.blocks), model=model, dropped=checked.dropped)
        citations = Citations(utterances)
        lines = tuple(replace(line, segments=citations.cite(shape.written(line))) for line in checked.lines)
        return Summary(shape.listed(style, lines), lines, model=model, dropped=checked.dropped)


def _check(written: Written, style: Style, guard: Guard, *, answer: str, wide: bool) -> Checked:
    if style is Style.ACTION_ITEMS:
        return guard.tasks(once(shape.lines(written.text, style)), answer=answer)
    if style is Style.BULLET_POINTS:
        return guard.points(once(shape.lines(written.text, style)), answer=answer, wide=wide)
    blocks = shape.paragraphs(written.text, style, cut=written.cut)
    return guard.prose(blocks, answer=answer, wide=wide, facts=True)


def _doubtful(checked: Checked, style: Style, *, answer: str) -> bool:
    """Say whether writing again is worth a pass."""
    if not checked.kept:
        return style is not Style.ACTION_ITEMS or checked.dropped > 0
    few = checked.kept < _FEW.get(style, 0) and checked.dropped > 0
    return few or checked.dropped > _PARTS.get(style, 1) * checked.kept or _foreign(checked, answer)


def _worth(checked: Checked, style: Style, *, answer: str) -> float:
    if not checked.kept:
        return -1.0
    share = checked.kept / (checked.kept + checked.dropped)
    return share - 0.5 * (style is Style.BRIEF and checked.kept == 1) - _foreign(checked, answer)


def _foreign(checked: Checked, answer: str) -> bool:
    """Say whether the text is in another language than it should be."""
    return bool(answer) and language.detect(checked.text) not in {"", answer}


def _first_error(errors: BaseExceptionGroup[ServiceError]) -> ServiceError:
    error = errors.exceptions[0]
    return _first_error(error) if isinstance(error, BaseExceptionGroup) else error
