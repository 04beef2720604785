"""Between the messages of speech.v1 and the values of the summarizer, both ways; pure."""

from speech.v1 import audio_pb2, summarization_pb2

from summarizer.engines import Engine
from summarizer.errors import UnknownLanguage, UnknownStyle
from summarizer.language import NAMES
from summarizer.resident import Status
from summarizer.types import Delta, Line, Order, Style, Summary, Usage

_STYLES = {
    summarization_pb2.SUMMARY_STYLE_UNSPECIFIED: Style.BRIEF,
    summarization_pb2.SUMMARY_STYLE_BRIEF: Style.BRIEF,
    summarization_pb2.SUMMARY_STYLE_DETAILED: Style.DETAILED,
    summarization_pb2.SUMMARY_STYLE_ACTION_ITEMS: Style.ACTION_ITEMS,
    summarization_pb2.SUMMARY_STYLE_BULLET_POINTS: Style.BULLET_POINTS,
}
_STYLE_MESSAGES = {style: message for message, style in _STYLES.items()}


def order(config: summarization_pb2.SummarizationConfig) -> Order:
    """Read the settings of a stream. Raises `UnknownStyle`, `UnknownLanguage`."""
    style = _STYLES.get(config.style)
    if style is None:
        known = ", ".join(style.value for style in Style)
        raise UnknownStyle(f"style {config.style} is not known; known are {known}")
    language = config.language.strip().lower().split("-")[0]
    if language and language not in NAMES:
        raise UnknownLanguage(f"language {config.language!r} is not known", language=config.language[:20])
    return Order(style, language, config.deltas)


def response(event: Delta | Summary) -> summarization_pb2.SummarizeResponse:
    """Write an event."""
    if isinstance(event, Delta):
        return summarization_pb2.SummarizeResponse(delta=summarization_pb2.SummaryDelta(text=event.text))
    return summarization_pb2.SummarizeResponse(
        summary=summarization_pb2.Summary(
            text=event.text,
            lines=[_line(line) for line in event.lines],
            checkpoint=event.checkpoint,
            dropped=event.dropped,
        )
    )


def done(usage: Usage, *, model: str, style: Style) -> summarization_pb2.SummarizeResponse:
    """Write the last event."""
    return summarization_pb2.SummarizeResponse(
        done=summarization_pb2.SummarizationDone(
            usage=summarization_pb2.SummarizationUsage(
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                passes=usage.passes,
            ),
            model=model,
            style=_STYLE_MESSAGES[style],
        )
    )


def ready(*, model: str, context_tokens: int) -> summarization_pb2.SummarizeResponse:
    """Write the first event."""
    return summarization_pb2.SummarizeResponse(
        ready=summarization_pb2.SummarizationReady(model=model, context_tokens=context_tokens)
    )


def draining() -> summarization_pb2.SummarizeResponse:
    """Write that the server is going away."""
    return summarization_pb2.SummarizeResponse(draining=summarization_pb2.SummarizationDraining())


def runtime(
    status: Status, *, engine: Engine | None, load: audio_pb2.Load
) -> summarization_pb2.SummarizationServiceGetRuntimeResponse:
    """Write what the server runs on and where its model stands. A model that is not in memory runs on no GPU."""
    capabilities = engine.capabilities if engine is not None else None
    accelerator = audio_pb2.Accelerator(
        kind=capabilities.device if capabilities else "cpu",
        name=capabilities.device_name if capabilities else "",
        memory_mebibytes=capabilities.device_memory if capabilities else 0,
    )
    return summarization_pb2.SummarizationServiceGetRuntimeResponse(
        accelerators=[accelerator],
        load=load,
        model=status.model,
        state=status.state,
        fetched_bytes=status.fetched_bytes,
        total_bytes=status.total_bytes,
    )


def _line(line: Line) -> summarization_pb2.SummaryLine:
    return summarization_pb2.SummaryLine(text=line.text, segment_ids=line.segments, owner=line.owner, due=line.due)
