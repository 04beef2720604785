"""The settings of the Transcription process, read once from the environment."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from rpc.settings import ServerSettings


class TranscriptionSettings(BaseSettings, ServerSettings):
    """Settings by environment, `TRANSCRIPTION_` in front."""

    model_config = SettingsConfigDict(env_prefix="TRANSCRIPTION_", frozen=True, extra="ignore")

    port: int = Field(default=50051, ge=0, le=65535, description="gRPC port; 0: a free one")
    metrics_port: int | None = Field(default=9101, ge=0, le=65535, description="port of /metrics; 0: a free one")

    engine: str = Field(default="faster_whisper", description="name of the engine in the registry")
    script: str = Field(default="", description="for the scripted engine: its script as JSON, or the path of one")
    voice: Literal["", "silero", "loudness"] = Field(
        default="", description="voice activity; empty: the engine's own choice"
    )

    model: str = Field(default="large-v3-turbo", description="the model of streams that name none")
    substitute: str = Field(
        default="", description="model that stands in for those whose weights cannot be had; empty: none"
    )
    preload: list[str] = Field(
        default=[], description="models that are loaded before the service is ready; none: `model`"
    )
    models_folder: str = Field(
        default="", description="folder with a subfolder of weights by model id, looked into first"
    )
    model_memory_mebibytes: int = Field(default=8192, ge=1, description="memory that loaded models may take together")
    model_idle_seconds: float = Field(default=900.0, gt=0, description="time after which an unused model is put away")

    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where the engine runs")
    compute_type: str = Field(
        default="", description="CTranslate2 compute type; empty: int8 on a CPU, float16 on a GPU"
    )
    workers: int = Field(default=0, ge=0, description="calls of the engine at once; 0: by device and cores")
    threads: int = Field(default=0, ge=0, description="threads of one call on a CPU; 0: one")
    max_batch: int = Field(default=0, ge=0, description="windows of one call; 0: by device")
    max_wait_seconds: float = Field(default=0.0, ge=0, le=1, description="how long a batch of files waits to fill")

    queue_seconds: float = Field(
        default=4 * 3600.0,
        gt=0,
        description="audio that may be taken on and not worked off, of one recording at most an eighth counted; past it"
        " recordings are refused",
    )
    queue_age_seconds: float = Field(
        default=120.0, gt=0, description="age of the oldest window at which health is lost"
    )
    container_bytes: int = Field(
        default=2 << 30, ge=1, description="largest file of a direct caller that sends containers"
    )
    audio_seconds: float = Field(default=12 * 3600.0, gt=0, description="longest audio of one stream")

    live_interval_seconds: float = Field(
        default=0.4, ge=0.1, description="least time between two drafts of a live stream"
    )
    live_lag_seconds: float = Field(default=15.0, gt=0, description="lag of finals at which a live stream is ended")
    live_queue_delay_seconds: float = Field(
        default=8.0, gt=0, description="delay of live finals at which streams are refused"
    )
