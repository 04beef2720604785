"""Where the weights of the benchmarks are, and the peers' own forms of them."""

from pathlib import Path

from inference.catalogue import weights_of
from weights import Store


def base_folder() -> Path:
    """The folder of the embedded model, fetched if it is not there."""
    return Store().fetch(weights_of("base"))
