"""The Transcription process: its parts put together from the settings."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
from speech.v1 import transcription_pb2_grpc

from inference import metrics
from inference.engines import TranscriptionEngine
from inference.engines.registry import TRANSCRIPTION_ENGINES, Loading
from inference.intake import Intakes
from inference.live import LiveBounds
from inference.models import ModelPool, PoolPolicy
from inference.scheduler import BatchPolicy
from inference.sessions import SessionPolicy, Sessions
from inference.settings import TranscriptionSettings
from inference.shelf import Shelf
from inference.tentative import DraftBounds
from inference.transcription import ServicePolicy, TranscriptionServicer
from inference.voice import Voices, loudness, silero
from rpc import telemetry
from rpc.health import Health
from rpc.server import serve
from weights.settings import WeightsSettings

SERVICE = "speech.v1.TranscriptionService"
MANY = 1 << 30


@dataclass(frozen=True, slots=True)
class Service:
    """What a process, or a test, serves."""

    settings: TranscriptionSettings
    pool: ModelPool
    sessions: Sessions
    servicer: TranscriptionServicer
    health: Health

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to a server."""
        transcription_pb2_grpc.add_TranscriptionServiceServicer_to_server(self.servicer, server)

    async def ready(self) -> None:
        """Load what is to be there from the start; each load ends with a real inference."""
        for model in self.settings.preload or [self.settings.model]:
            await self.pool.preload(model)
        for standing in self.pool.standings():
            if standing.served_by:
                self.health.set(standing.row.id, True)


@asynccontextmanager
async def service(settings: TranscriptionSettings, weights: WeightsSettings) -> AsyncIterator[Service]:
    """Put the parts together; leaving puts the models away. Raises ValueError for an unknown engine."""
    kind = TRANSCRIPTION_ENGINES.get(settings.engine)
    if kind is None:
        raise ValueError(f"TRANSCRIPTION_ENGINE is one of {', '.join(TRANSCRIPTION_ENGINES)}")
    models_folder = Path(settings.models_folder) if settings.models_folder else None
    with (
        ThreadPoolExecutor(2, thread_name_prefix="listen") as listening,
        ThreadPoolExecutor(2, thread_name_prefix="load") as loading,
    ):
        shelf = Shelf(weights.store(), models_folder) if kind.needs_weights else None
        batches = BatchPolicy(settings.max_batch or MANY, settings.max_wait_seconds, settings.queue_seconds)
        policy = PoolPolicy(batches, settings.model_memory_mebibytes, settings.model_idle_seconds, settings.substitute)

        def load(folder: Path | None) -> TranscriptionEngine:
            return kind.load(_loading(settings, folder))

        live = LiveBounds(
            lag=settings.live_lag_seconds,
            delay=settings.live_queue_delay_seconds,
            drafts=DraftBounds(interval=settings.live_interval_seconds),
        )
        sessions = Sessions(_voices(settings.voice or kind.voice), SessionPolicy(live), threads=listening)
        intakes = Intakes(container_bytes=settings.container_bytes, longest=settings.audio_seconds, threads=listening)
        async with ModelPool(shelf, load, policy, threads=loading) as pool:
            servicer = TranscriptionServicer(
                pool, sessions, intakes, ServicePolicy(settings.model, settings.audio_seconds, settings.stream_limit)
            )
            health = Health(SERVICE, check=lambda: states(pool, settings.queue_age_seconds))
            yield Service(settings, pool, sessions, servicer, health)


def states(pool: ModelPool, longest_wait: float) -> dict[str, bool]:
    """Tell which names are served: not a model whose oldest window waits too long. Sets the gauges on the way."""
    served = {}
    for model in pool.loaded:
        scheduler, name = model.scheduler, model.row.id
        served[name] = scheduler.oldest < longest_wait
        metrics.QUEUE_SECONDS.labels(name).set(scheduler.waiting_seconds)
        metrics.QUEUE_AGE.labels(name).set(scheduler.oldest)
        metrics.QUEUE_DELAY.labels(name).set(scheduler.delay)
        metrics.SLOTS_IN_USE.labels(name).set(scheduler.slots_in_use)
    return served | {SERVICE: all(served.values())}


async def main() -> int:
    """Serve until a signal; return the exit code of the process."""
    settings = TranscriptionSettings()
    telemetry.configure_logging(level=settings.log_level, as_json=settings.log_json)
    async with service(settings, WeightsSettings()) as parts:
        return await serve(
            settings,
            register=parts.register,
            health=parts.health,
            ready=parts.ready,
            on_drain=parts.sessions.drain,
        )


def _voices(name: str) -> Voices:
    return {"silero": silero, "loudness": loudness}[name]()


def _loading(settings: TranscriptionSettings, folder: Path | None) -> Loading:
    return Loading(
        folder=folder,
        device=settings.device,
        compute_type=settings.compute_type,
        workers=settings.workers,
        threads=settings.threads,
        max_batch=settings.max_batch,
        script=settings.script,
    )
