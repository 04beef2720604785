"""`python -m summarizer`: the summarization service as a process; `python -m summarizer fetch`: its weights."""

import asyncio
import sys

from speech.v1 import summarization_pb2, summarization_pb2_grpc

from rpc import telemetry
from rpc.health import Health
from rpc.server import serve
from summarizer import opening
from summarizer.settings import Settings
from summarizer.summarization import SummarizationServicer
from weights.settings import WeightsSettings

SERVICE = summarization_pb2.DESCRIPTOR.services_by_name["SummarizationService"].full_name


async def run(settings: Settings, weights: WeightsSettings) -> int:
    """Serve until a signal comes; return the exit code."""
    resident = opening.resident(settings, weights.store())
    turns = opening.turns(settings)
    servicer = SummarizationServicer(
        resident,
        turns,
        transcript_bytes=settings.transcript_bytes,
        context_tokens=settings.context_tokens,
        stream_limit=settings.stream_limit,
    )
    health = Health(SERVICE)

    async def fetch() -> None:
        await resident.fetch()
        health.set(resident.model, True)

    async with asyncio.TaskGroup() as group:
        fetching = group.create_task(fetch())
        try:
            return await serve(
                settings,
                register=lambda server: summarization_pb2_grpc.add_SummarizationServiceServicer_to_server(
                    servicer, server
                ),
                health=health,
                ready=resident.prepare,
                on_drain=servicer.drain,
            )
        finally:
            fetching.cancel()
            await resident.close()


async def fetch(settings: Settings, weights: WeightsSettings) -> int:
    """Get the weights and end, for a job that fills a folder which the service then only reads."""
    resident = opening.resident(settings, weights.store())
    await resident.fetch()
    return 0 if resident.status.state == "ready" else 1


def main() -> None:
    """Read the settings and serve, or with the argument `fetch` only get the weights."""
    settings = Settings()
    telemetry.configure_logging(level=settings.log_level, as_json=settings.log_json)
    work = fetch if sys.argv[1:] == ["fetch"] else run
    sys.exit(asyncio.run(work(settings, WeightsSettings())))


if __name__ == "__main__":
    main()
