"""Why weights could not be had: one small tree, each branch a different thing for an operator to do.

- WeightsError
  - WeightsUnavailable: no source has them (offline, package gone, hub unreachable)
    - WeightsDiskFull: there is no room for them
  - WeightsCorrupt: every copy that was found differs from the sha256 it is held to
"""


class WeightsError(Exception):
    """Weights could not be had; the message names the set, the file and what each source said."""


class WeightsUnavailable(WeightsError):
    """No source has the weights now."""


class WeightsDiskFull(WeightsUnavailable):
    """The disk or the quota is full; nothing half written was left behind."""


class WeightsCorrupt(WeightsError):
    """Every copy that was found differs from the sha256 that is pinned or was recorded at the first fetch."""
