"""The Diarization process: one servicer, its engines, its health."""

import asyncio
from collections.abc import Mapping

import grpc.aio
from speech.v1 import diarization_pb2_grpc

from inference.diarization import SERVICE, DiarizationServicer, ServicePolicy
from inference.diarizing import metrics
from inference.diarizing.engines import Engines, load_engines, pool_policy
from inference.diarizing.pool import Pool
from inference.diarizing.settings import DiarizationSettings
from inference.hardware import devices
from rpc.health import Health
from rpc.server import serve
from rpc.telemetry import configure_logging
from weights.settings import WeightsSettings


class Process:
    """Owns what lives as long as the process."""

    def __init__(self, settings: DiarizationSettings, weights: WeightsSettings) -> None:
        self._settings = settings
        self._weights = weights
        self._pools: dict[str, Pool] = {}
        self.servicer = DiarizationServicer(ServicePolicy(settings.audio_seconds, settings.stream_limit))
        self.health = Health(SERVICE, settings.engine, check=self._check)

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer."""
        diarization_pb2_grpc.add_DiarizationServiceServicer_to_server(self.servicer, server)

    async def load(self) -> None:
        """Fetch the weights, load the engines and run each once. Raises WeightsError."""
        settings = self._settings
        loaded = await asyncio.to_thread(load_engines, settings, self._weights.store())
        for name, engine in loaded.items():
            self._pools[name] = Pool(engine, pool_policy(settings, engine.capabilities.workers))
            self.health.set(name, True)
        engines = Engines(
            self._pools,
            default=settings.engine,
            crowd=settings.crowd_engine,
            latency=settings.live_latency_seconds,
        )
        self.servicer.use(engines, devices(loaded[settings.engine].capabilities.device))

    async def run(self) -> int:
        """Serve until a signal; return the exit code."""
        try:
            return await serve(
                self._settings,
                register=self.register,
                health=self.health,
                ready=self.load,
                on_drain=self.servicer.drain,
            )
        finally:
            await self.close()

    async def close(self) -> None:
        """Free the engines."""
        for pool in self._pools.values():
            await pool.close()

    def _check(self) -> Mapping[str, bool]:
        for name, pool in self._pools.items():
            metrics.QUEUE_SECONDS.labels(name).set(pool.load.queued)
            metrics.QUEUE_AGE.labels(name).set(pool.oldest)
            metrics.SLOTS_IN_USE.labels(name).set(pool.load.slots_in_use)
        bound = self._settings.queue_age_seconds
        states = {name: pool.oldest <= bound for name, pool in self._pools.items()}
        return {**states, SERVICE: all(states.values())}


def run() -> int:
    """Run the process with the settings of the environment; return its exit code."""
    settings = DiarizationSettings()
    configure_logging(level=settings.log_level, as_json=settings.log_json)
    return asyncio.run(Process(settings, WeightsSettings()).run())
