"""Settings of the summarization service, by environment."""

import os
from enum import Enum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from rpc.settings import ServerSettings
from summarizer.prompts import LEAST_CONTEXT


class EngineKind(Enum):
    """What runs the language model."""

    EMBEDDED = "embedded"
    VLLM = "vllm"
    OPENAI = "openai"
    SCRIPTED = "scripted"


class Settings(ServerSettings, BaseSettings):
    """Read once at the start, `SUMMARIZATION_` in front."""

    model_config = SettingsConfigDict(env_prefix="SUMMARIZATION_", frozen=True)

    port: int = Field(default=50053, ge=0, le=65535, description="gRPC port; 0: a free one")
    metrics_port: int | None = Field(default=9103, ge=0, le=65535, description="port of /metrics")
    engine: EngineKind = Field(default=EngineKind.EMBEDDED, description="embedded, vllm, openai or scripted")
    model: str = Field(default="", description="id of the model; empty: the best one that can be had")
    model_path: Path | None = Field(
        default=None, description="own weights: a GGUF file (embedded) or a folder with safetensors (vllm)"
    )
    context_tokens: int = Field(
        default=8192,
        ge=LEAST_CONTEXT,
        description="tokens that one pass may hold; longer transcripts are read by parts",
    )
    transcript_bytes: int = Field(default=2 << 20, ge=1, description="largest transcript; more is refused as too_large")
    queue_tokens: int = Field(default=200_000, ge=1, description="tokens that may wait; past it: overloaded")
    idle_seconds: float = Field(default=600.0, ge=0, description="time until an unused model is let go; 0: never")
    threads: int = Field(default=0, ge=0, description="threads of the embedded engine; 0: one a core")
    niceness: int = Field(default=10, ge=0, le=19, description="how far the embedded engine gives way to others")
    slots: int = Field(default=32, ge=1, description="passes at once (vllm, openai)")
    gpu_memory_share: float = Field(default=0.9, gt=0, le=1, description="share of the GPU's memory that vllm takes")
    dtype: str = Field(default="auto", description="number format of vllm: auto, bfloat16, float16")
    url: str = Field(default="", description="base URL of an OpenAI-compatible server, with /v1")
    key: SecretStr = Field(default=SecretStr(""), description="key for that server")
    tokenizer: Path | None = Field(default=None, description="tokenizer.json, if that server has no /tokenize")
    script: Path | None = Field(default=None, description="what the scripted engine says, JSON")


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))
