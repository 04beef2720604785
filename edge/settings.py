"""Settings of the edge, read once from the environment: every field is EDGE_ and its name."""

import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from edge.upload import Pace
from rpc.settings import ChannelSettings

Addresses = Annotated[tuple[str, ...], NoDecode]


class EdgeSettings(BaseSettings):
    """Settings of the edge."""

    model_config = SettingsConfigDict(env_prefix="EDGE_", env_nested_delimiter="__", extra="ignore")

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="port; 0: a free one")
    transcription_addresses: Addresses = Field(
        default=("127.0.0.1:50051",), min_length=1, description="replicas, separated by commas"
    )
    diarization_addresses: Addresses = Field(default=(), description="replicas, separated by commas; none: no speakers")
    summarization_addresses: Addresses = Field(
        default=(), description="replicas, separated by commas; none: no summaries"
    )
    channel: ChannelSettings = Field(
        default_factory=lambda: ChannelSettings.model_validate(
            {"keepalive_seconds": 4.0, "keepalive_timeout_seconds": 2.0}
        ),
        description="channels to the services; a field is EDGE_CHANNEL__ and its name",
    )
    spool_folder: Path = Field(
        default=Path(tempfile.gettempdir()), description="where uploads are spooled, without a name"
    )
    max_upload_bytes: int = Field(default=2 << 30, ge=1, description="largest file under the open policy")
    max_media_seconds: float = Field(default=24 * 3600, gt=0, description="longest recording")
    decoders: int = Field(default=16, ge=1, description="recordings decoded at once, each in a child process")
    diarize_fallback: bool = Field(
        default=True, description="send a transcript without speakers when they cannot be had"
    )
    room_seconds: float = Field(
        default=300.0, ge=0, description="wait for room at the services once a recording has come"
    )
    spread_seconds: float = Field(
        default=60.0, ge=0, description="length from which all transcription replicas share one recording"
    )
    speakers_wait_seconds: float = Field(default=60.0, ge=0, description="wait for speakers, plus half the recording")
    header_seconds: float = Field(
        default=10.0, gt=0, description="time for a request's headers, and for the next request"
    )
    body_idle_seconds: float = Field(default=20.0, gt=0, description="longest wait for the next bytes of a body")
    body_bytes_per_second: int = Field(default=8 * 1024, ge=0, description="least average of a body after 30 seconds")
    linger_seconds: float = Field(
        default=5.0, ge=0, description="how long what a refused client still sends is read, so that it reads the answer"
    )
    connections_per_address: int = Field(
        default=512, ge=1, description="connections of one address, trusted proxies aside"
    )
    stream_idle_seconds: float = Field(default=60.0, gt=0, description="time without audio that ends a stream")
    stream_ping_seconds: float = Field(default=20.0, gt=0, description="time between pings on a stream")
    shutdown_seconds: float = Field(default=30.0, ge=0, description="how long requests may go on after SIGTERM")
    log_level: str = Field(
        default="info", pattern="(?i)^(debug|info|warning|error)$", description="least level that is logged"
    )
    log_json: bool = Field(default=False, description="log lines as JSON instead of text for people")

    @field_validator("transcription_addresses", "diarization_addresses", "summarization_addresses", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def pace(self) -> Pace:
        """How slow a body may be."""
        return Pace(idle_seconds=self.body_idle_seconds, bytes_per_second=self.body_bytes_per_second)
