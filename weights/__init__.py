"""Content-addressed weights: found, fetched, verified."""

from weights.errors import WeightsCorrupt, WeightsDiskFull, WeightsError, WeightsUnavailable
from weights.meter import Progress
from weights.sets import HubFile, LocalFile, Packaged, Source, WeightFile, WeightSet, WheelMember
from weights.store import Store, default_folder

__all__ = [
    "HubFile",
    "LocalFile",
    "Packaged",
    "Progress",
    "Source",
    "Store",
    "WeightFile",
    "WeightSet",
    "WeightsCorrupt",
    "WeightsDiskFull",
    "WeightsError",
    "WeightsUnavailable",
    "WheelMember",
    "default_folder",
]
