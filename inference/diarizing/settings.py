"""The settings of the Diarization process, read once from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from rpc.settings import ServerSettings


class DiarizationSettings(BaseSettings, ServerSettings):
    """Settings by environment, `DIARIZATION_` in front."""

    model_config = SettingsConfigDict(env_prefix="DIARIZATION_", frozen=True, extra="ignore")

    port: int = Field(default=50052, ge=0, le=65535, description="gRPC port; 0: a free one")
    metrics_port: int | None = Field(default=9102, ge=0, le=65535, description="port of /metrics; 0: a free one")

    engine: str = Field(default="embedded", description="engine of streams that name none")
    crowd_engine: str = Field(
        default="embedded",
        description="engine of streams that expect more speakers than theirs can tell apart; empty: none",
    )
    script: str = Field(default="", description="for the scripted engine: its script as JSON, or the path of one")
    sortformer_model: str = Field(
        default="nvidia/diar_streaming_sortformer_4spk-v2", description="a .nemo file, or a repository of the hub"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where a NeMo engine runs")
    weights_folder: Path | None = Field(
        default=None, description="folder that already holds the embedded engine's files"
    )

    workers: int = Field(default=0, ge=0, description="calls of an engine at once; 0: by device and cores")
    threads: int = Field(default=1, ge=1, description="threads of one call on a CPU")
    max_batch: int = Field(default=8, ge=1, description="streams of one call, at most what the engine can")
    backlog_seconds: float = Field(
        default=60.0, gt=0, description="audio of one recording that may wait before it is held back"
    )
    queue_seconds: float = Field(
        default=1800.0, gt=0, description="audio that may wait in all; past it streams are refused"
    )
    queue_age_seconds: float = Field(
        default=60.0, gt=0, description="wait of the longest waiting stream at which health is lost"
    )
    live_streams: int = Field(default=0, ge=0, description="live streams at once; more are refused; 0: by workers")
    live_latency_seconds: float = Field(
        default=2.0, ge=0.5, le=30, description="delay of provisional turns where a stream asks for none"
    )
    audio_seconds: float = Field(default=12 * 3600.0, gt=0, description="longest audio of one stream")
