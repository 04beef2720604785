"""Fetches the weights that the two services are set to use and ends, for a job that fills a folder they only read."""

from collections.abc import Iterator
from pathlib import Path

import structlog

from inference.catalogue import CATALOGUE
from inference.diarizing.catalogue import DIARIZATION_ENGINES
from inference.diarizing.settings import DiarizationSettings
from inference.engines.registry import TRANSCRIPTION_ENGINES
from inference.settings import TranscriptionSettings
from inference.shelf import Shelf
from rpc.telemetry import configure_logging
from weights import Store, WeightsError, WeightSet
from weights.progress import progress_bar
from weights.settings import WeightsSettings

_log = structlog.get_logger(__name__)


def main() -> int:
    """Fetch; return the exit code: 1 if a service could not start with what is here now."""
    transcription, diarization = TranscriptionSettings(), DiarizationSettings()
    configure_logging(level=transcription.log_level, as_json=transcription.log_json)
    store = WeightsSettings().store()
    try:
        fetch_models(transcription, store)
        for weights in speaker_weights(diarization):
            _fetch(weights, store)
    except WeightsError as error:
        _log.error("weights_not_fetched", problem=str(error))
        return 1
    return 0


def fetch_models(settings: TranscriptionSettings, store: Store) -> None:
    """Fetch the models that are loaded at the start, or their stand-in. Raises WeightsError."""
    if not TRANSCRIPTION_ENGINES[settings.engine].needs_weights:
        return
    shelf = Shelf(store, Path(settings.models_folder) if settings.models_folder else None)
    for model in settings.preload or [settings.model]:
        try:
            shelf.fetch(CATALOGUE[model])
        except WeightsError as error:
            if not settings.substitute:
                raise
            _log.info("model_substituted", model=model, served_by=settings.substitute, reason=str(error))
            shelf.fetch(CATALOGUE[settings.substitute])


def speaker_weights(settings: DiarizationSettings) -> Iterator[WeightSet]:
    """Give the sets of the diarization engines in use; an engine that finds its own has none."""
    for name in dict.fromkeys((settings.engine, settings.crowd_engine)):
        kind = DIARIZATION_ENGINES.get(name)
        if kind is not None and kind.weights is not None and settings.weights_folder is None:
            yield kind.weights


def _fetch(weights: WeightSet, store: Store) -> None:
    if store.find(weights) is None:
        with progress_bar(weights.name) as progress:
            store.fetch(weights, progress)
