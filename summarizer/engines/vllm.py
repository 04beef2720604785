"""The engine for production: vLLM in this process, batching the passes of all streams, prompts cached by prefix."""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog

from summarizer.engines import Capabilities, Fragment, Generation
from summarizer.errors import EngineFailed
from summarizer.types import Usage

_REPEAT_PENALTY = 1.05
_RETRY_SECONDS = 10.0
_QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": "WARNING"}

_log = structlog.get_logger(__name__)


class Vllm:
    """One `AsyncLLM` and its tokenizer."""

    def __init__(self, engine: Any, tokenizer: Any, *, capabilities: Capabilities) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._capabilities = capabilities

    @classmethod
    async def open(
        cls, folder: Path, *, model: str, context_tokens: int, slots: int, gpu_memory_share: float, dtype: str
    ) -> "Vllm":
        """Load the weights of a folder, or of the hub's cache by their name. Raises `EngineFailed`."""
        try:
            return await asyncio.to_thread(
                cls._load,
                folder,
                model=model,
                context_tokens=context_tokens,
                slots=slots,
                gpu_memory_share=gpu_memory_share,
                dtype=dtype,
            )
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise EngineFailed(f"vLLM does not start: {_first_line(error)}", retry_after=_RETRY_SECONDS) from error

    @classmethod
    def _load(
        cls, folder: Path, *, model: str, context_tokens: int, slots: int, gpu_memory_share: float, dtype: str
    ) -> "Vllm":
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.tokenizers import get_tokenizer
        from vllm.v1.engine.async_llm import AsyncLLM

        on_cpu = current_platform.is_cpu()
        arguments = AsyncEngineArgs(
            model=str(folder),
            served_model_name=model,
            dtype=dtype,
            max_model_len=context_tokens,
            max_num_seqs=slots,
            gpu_memory_utilization=gpu_memory_share,
            # Compiling for a CPU takes longer at the start than it ever gives back.
            enforce_eager=on_cpu,
            enable_prefix_caching=True,
            disable_log_stats=True,
        )
        engine = AsyncLLM.from_engine_args(arguments)
        capabilities = Capabilities(
            model=model,
            context_tokens=context_tokens,
            slots=slots,
            json_schema=True,
            device="cpu" if on_cpu else "cuda",
            device_name="" if on_cpu else current_platform.get_device_name(),
            device_memory=0 if on_cpu else current_platform.get_device_total_memory() >> 20,
        )
        _log.info("model_loaded", model=model, device=capabilities.device)
        return cls(engine, get_tokenizer(str(folder)), capabilities=capabilities)

    @property
    def capabilities(self) -> Capabilities:
        """What callers may ask for."""
        return self._capabilities

    @property
    def alive(self) -> bool:
        """Whether it can still answer: the process behind it may have died."""
        return self._engine is not None and not self._engine.errored

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text with the model's own tokenizer."""
        return await asyncio.to_thread(lambda: [len(self._encode(text)) for text in texts])

    async def generate(self, generation: Generation) -> AsyncGenerator[Fragment, None]:
        """Write the answer, fragment by fragment."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        schema = generation.schema
        sampling = SamplingParams(
            temperature=generation.temperature,
            max_tokens=generation.max_tokens,
            repetition_penalty=_REPEAT_PENALTY,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=StructuredOutputsParams(json=dict(schema)) if schema is not None else None,
        )
        tokens = await asyncio.to_thread(self._render, generation)
        number = uuid.uuid4().hex
        written = 0
        ended = False
        try:
            async with aclosing(
                self._engine.generate({"prompt_token_ids": tokens}, sampling, request_id=number)
            ) as outputs:
                async for output in outputs:
                    [part] = output.outputs
                    written += len(part.token_ids)
                    if part.text:
                        yield Fragment(part.text)
                    if output.finished:
                        ended = True
                        usage = Usage(len(tokens), output.num_cached_tokens or 0, written, passes=1)
                        yield Fragment("", part.finish_reason == "length", usage)
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineFailed(f"vLLM broke off: {_first_line(error)}", retry_after=_RETRY_SECONDS) from error
        finally:
            if not ended and self.alive:
                await self._engine.abort(number)

    async def close(self) -> None:
        """End the processes of the engine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown)

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def _render(self, generation: Generation) -> list[int]:
        messages = [{"role": message.role, "content": message.content} for message in generation.messages]
        return self._encode(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
