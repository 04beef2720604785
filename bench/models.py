"""Where the weights of the benchmarks are, and the peers' own forms of them."""

from pathlib import Path

from inference.catalogue import CATALOGUE
from weights import Store
from weights.settings import WeightsSettings


def base_folder() -> Path:
    """The folder of the embedded model, fetched if it is not there."""
    return Store(WeightsSettings().folder).fetch(CATALOGUE["base"].weights[0])
