"""What an engine is: one loaded language model, shared by all streams, that continues chat messages."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from summarizer.types import Usage

Schema: TypeAlias = Mapping[str, object]
"""A JSON schema, bounded: every array and string in it has a greatest length."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: str
    """`system` or `user`."""
    content: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One pass over the model."""

    messages: tuple[Message, ...]
    max_tokens: int
    """Most tokens to write."""
    schema: Schema | None = None
    """What the text must be valid against. Only for engines whose capabilities say so."""
    temperature: float = 0.0
    """0: the most probable token each time."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """The next part of what the model writes."""

    text: str
    cut: bool = False
    """Last fragment only: the text ended because `max_tokens` was reached."""
    usage: Usage | None = None
    """Last fragment only."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What callers may ask of an engine."""

    model: str
    """Id of the model that answers."""
    context_tokens: int
    """Tokens that one pass may hold, prompt and answer together."""
    slots: int
    """Passes that gain from running at once."""
    json_schema: bool
    """Whether `Generation.schema` is obeyed."""
    device: str
    """`cpu` or `cuda`; `cpu` also where a server elsewhere does the work."""
    device_name: str = ""
    device_memory: int = 0
    """MiB; 0 for a CPU."""
    small: bool = False
    """Whether the model leaves out most tasks of a whole transcript and mixes up what it tells in prose: it gets tasks
    one by one, and writes its sentences under a schema."""


class Engine(Protocol):
    """Chat messages in, text out."""

    @property
    def capabilities(self) -> Capabilities:
        """What callers may ask for."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it can answer; one that cannot is closed and opened anew."""
        ...

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text with the model's own tokenizer."""
        ...

    def generate(self, generation: Generation) -> AsyncGenerator[Fragment, None]:
        """Write the answer, fragment by fragment; the last one has the usage.

        Closing the generator aborts the pass: the model stops within one step.
        Raises `EngineFailed` if the engine breaks off.
        """
        ...

    async def close(self) -> None:
        """Free the model. Passes that still run are broken off."""
        ...
