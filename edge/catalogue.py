"""The models of the public contract, in its order; whether each is here is the service's to say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Model:
    """A row of the list of models."""

    id: str
    name: str
    languages: int
    speed: str
    description: str
    available: bool = False
    """Whether its own weights are here or can be fetched."""
    served_by: str = ""
    """Id of the model that answers for it; empty if none does or it is not known."""


MODELS: tuple[Model, ...] = (
    Model("large-v3-turbo", "Whisper Large V3 Turbo", 99, "fast", "The best balance of accuracy and speed."),
    Model("large-v3", "Whisper Large V3", 99, "standard", "The most accurate, for hard audio and rare languages."),
    Model("medium", "Whisper Medium", 99, "fast", "Accurate on clear audio at half the cost of the large ones."),
    Model("small", "Whisper Small", 99, "very_fast", "The quickest, for drafts and small machines."),
)

DEFAULT_MODEL = MODELS[0].id


def merged(reported: Iterable[Model]) -> tuple[Model, ...]:
    """The contract's rows with what the service reports of each."""
    known: Mapping[str, Model] = {model.id: model for model in reported}
    return tuple(
        replace(row, available=known[row.id].available, served_by=known[row.id].served_by) if row.id in known else row
        for row in MODELS
    )


def model_dict(model: Model) -> dict[str, Any]:
    """A model as JSON shows it."""
    return {
        "id": model.id,
        "name": model.name,
        "languages": model.languages,
        "speed": model.speed,
        "description": model.description,
        "available": model.available,
        "served_by": model.served_by or None,
    }
