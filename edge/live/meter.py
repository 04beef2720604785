"""What a stream costs: held a minute ahead, so that a stream stops within a minute of an empty balance."""

from edge.policy import Admission

SLICE_SECONDS = 60.0


class Meter:
    """Counts audio against an admission."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held = 0.0
        self._counted = 0.0
        self._settled = False

    async def count(self, seconds: float) -> None:
        """Audio of a stream so far; held in slices before it is worked on. Raises `PaymentRequired`."""
        if seconds > self._held or not self._held:
            slices = int(max(0.0, seconds - 1e-6) // SLICE_SECONDS) + 1
            await self._admission.hold(slices * SLICE_SECONDS)
            self._held = slices * SLICE_SECONDS
        self._counted = seconds

    async def settle(self) -> None:
        """Charge for what was counted; a stream without audio is free."""
        if self._counted and not self._settled:
            self._settled = True
            await self._admission.settle(self._counted)
