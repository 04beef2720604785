"""The shelf: where the weights of each model are, or why they cannot be had."""

import time
from pathlib import Path

from inference.catalogue import ModelRow, local_weights
from weights import Store, WeightsError, WeightSet, WeightsUnavailable
from weights.progress import progress_bar

RETRY_SECONDS = 300.0
"""Time after a failed fetch in which it is not tried again."""


class Shelf:
    """Blocks where it says so: call those methods from a thread."""

    def __init__(self, store: Store, models_folder: Path | None) -> None:
        self._store = store
        self._models_folder = models_folder
        self._failed: dict[str, tuple[float, str]] = {}
        self._fetched_from_afar = False

    def here(self, row: ModelRow) -> bool:
        """Say quickly whether the weights are on this machine."""
        return any(self._store.has(weights) for weights in row.weights) or self._local(row) is not None

    def obtainable(self, row: ModelRow) -> bool:
        """Say whether the weights are here or can be fetched, as far as is known: a fetch must have worked before."""
        return self.here(row) or (self._fetched_from_afar and self.refusal(row) is None)

    def refusal(self, row: ModelRow) -> str | None:
        """Return why the last fetch failed, if that was not long ago."""
        failed = self._failed.get(row.id)
        return failed[1] if failed and time.monotonic() - failed[0] < RETRY_SECONDS else None

    def fetch(self, row: ModelRow) -> Path:
        """Return the folder of verified weights, getting them if they are not here. Blocks. Raises WeightsError."""
        local = self._local(row)
        failures: list[WeightsError] = []
        for weights in (local, *row.weights) if local else row.weights:
            try:
                return self._fetch(weights)
            except WeightsError as failure:
                failures.append(failure)
        reason = str(failures[0]) if failures else f"{row.id}: no source is known"
        self._failed[row.id] = (time.monotonic(), reason)
        raise failures[0] if failures else WeightsUnavailable(reason)

    def _fetch(self, weights: WeightSet) -> Path:
        if found := self._store.find(weights):
            return found
        with progress_bar(weights.name) as progress:
            folder = self._store.fetch(weights, progress)
        self._fetched_from_afar = True
        return folder

    def _local(self, row: ModelRow) -> WeightSet | None:
        return local_weights(row, self._models_folder)
