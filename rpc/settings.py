"""Settings of a gRPC process and of the channels to one; a room mixes them into its own settings."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator

MEBIBYTE = 1 << 20


class TlsSettings(BaseModel):
    """Files of a TLS identity. None set: plain text, for one machine or a closed network."""

    tls_certificate: Path | None = Field(default=None, description="certificate chain of this side, PEM")
    tls_key: Path | None = Field(default=None, description="private key of `tls_certificate`, PEM")
    tls_authority: Path | None = Field(
        default=None, description="certificates that the other side must be signed by, PEM"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        return self


class KeepaliveSettings(BaseModel):
    """How a frozen or unreachable peer is noticed: within `keepalive_seconds + keepalive_timeout_seconds`."""

    keepalive_seconds: float = Field(default=10.0, gt=0, description="silence before a ping is sent")
    keepalive_timeout_seconds: float = Field(
        default=5.0, gt=0, description="wait for its answer before the peer is given up"
    )


class ServerSettings(KeepaliveSettings, TlsSettings):
    """Settings of a gRPC server, the same for every service."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=0, ge=0, le=65535, description="gRPC port; 0: a free one")
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="port of /metrics; unset: none; 0: a free one"
    )
    probe_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="plain-text port with the health service alone, for probes when TLS is on",
    )
    reflection: bool = Field(default=False, description="serve gRPC reflection")
    stream_limit: int = Field(default=256, ge=1, description="streams open at once; more are refused as overloaded")
    stream_retry_seconds: float = Field(default=1.0, ge=0, description="wait that is named to a refused stream")
    message_bytes: int = Field(default=MEBIBYTE, ge=1024, description="largest message taken")
    drain_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        description="how long calls are still taken after the signal, until routers have read the health",
    )
    drain_seconds: float = Field(default=30.0, ge=0, description="how long open streams may go on after that")
    watchdog_seconds: float = Field(default=1.0, gt=0, description="time between two looks at the service's own health")
    connection_age_seconds: float | None = Field(
        default=None, gt=0, description="age at which a connection is asked to renew, so that new replicas get work"
    )
    log_level: str = Field(
        default="info", pattern="(?i)^(debug|info|warning|error)$", description="least level that is logged"
    )
    log_json: bool = Field(default=False, description="log lines as JSON instead of text for people")


class ChannelSettings(KeepaliveSettings, TlsSettings):
    """Settings of the channels to a service."""

    tls_server_name: str | None = Field(
        default=None, description="name that the server's certificate is checked against"
    )
    message_bytes: int = Field(default=16 * MEBIBYTE, ge=1024, description="largest message taken")
    connect_seconds: float = Field(default=5.0, gt=0, description="longest wait between two tries to connect")
