"""Which engine the settings ask for, and how it is opened."""

from pathlib import Path

from summarizer import catalogue
from summarizer.engines import Engine
from summarizer.resident import Fetched, Resident
from summarizer.settings import EngineKind, Settings
from summarizer.turns import Turns
from weights.store import Store


def resident(settings: Settings, store: Store) -> Resident:
    """Return the model that answers, not loaded yet. Raises KeyError for a model that is not in the catalogue."""
    if settings.engine is EngineKind.EMBEDDED:
        models = catalogue.candidates(model=settings.model, path=settings.model_path)
        fetched = Fetched(models, store=store)

        async def embedded(path: Path | None, model: str) -> Engine:
            from summarizer.engines.embedded import Embedded

            assert path is not None, "the embedded engine runs fetched weights"  # noqa: S101
            return await Embedded.open(
                path,
                model=model,
                context_tokens=settings.context_tokens,
                threads=settings.threads,
                niceness=settings.niceness,
            )

        return Resident(embedded, model=models[0].id, weights=fetched, idle_seconds=settings.idle_seconds)

    openers = {EngineKind.VLLM: _vllm, EngineKind.OPENAI: _openai, EngineKind.SCRIPTED: _scripted}
    opener = openers[settings.engine]

    async def other(path: Path | None, model: str) -> Engine:
        return await opener(settings)

    return Resident(other, model=settings.model or settings.engine.value)


def turns(settings: Settings) -> Turns:
    """Return the queue before the engine."""
    slots = 1 if settings.engine is EngineKind.EMBEDDED else settings.slots
    return Turns(slots=slots, limit=settings.queue_tokens)


async def _vllm(settings: Settings) -> Engine:
    from summarizer.engines.vllm import Vllm

    return await Vllm.open(
        settings.model_path or Path(settings.model),
        model=settings.model or (settings.model_path.name if settings.model_path else ""),
        context_tokens=settings.context_tokens,
        slots=settings.slots,
        gpu_memory_share=settings.gpu_memory_share,
        dtype=settings.dtype,
    )


async def _openai(settings: Settings) -> Engine:
    from summarizer.engines.openai import OpenAI

    return await OpenAI.open(
        settings.url,
        key=settings.key.get_secret_value(),
        model=settings.model,
        context_tokens=settings.context_tokens,
        slots=settings.slots,
        tokenizer=settings.tokenizer,
    )


async def _scripted(settings: Settings) -> Engine:
    from summarizer.engines.scripted import Scripted, read_script

    return Scripted(read_script(settings.script), model=settings.model or "scripted")
