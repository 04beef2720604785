"""How much four passes at once give over one: `python -m tests.vllm.batching` prints tokens a second as JSON."""

import argparse
import asyncio
import json
import os
import sys
import time
from contextlib import aclosing

from summarizer import catalogue
from summarizer.engines import Generation, Message
from summarizer.engines.vllm import Vllm

TOKENS = 64


async def tokens_a_second(engine: Vllm, *, at_once: int, salt: str) -> float:
    """Tokens of all passes together, a second."""

    async def run(number: int) -> int:
        text = f"Tell a long story about the number {number}{salt} and do not stop."
        written = 0
        async with aclosing(engine.generate(Generation((Message("user", text),), max_tokens=TOKENS))) as fragments:
            async for fragment in fragments:
                written += fragment.usage.completion_tokens if fragment.usage else 0
        return written

    began = time.monotonic()
    counts = await asyncio.gather(*(run(number) for number in range(at_once)))
    return sum(counts) / (time.monotonic() - began)


async def main(turns: int) -> None:
    """Measure in turns, so that a busy moment hits both."""
    from tests.vllm.conftest import converted

    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    engine = await Vllm.open(
        converted(), model=catalogue.SMOL.id, context_tokens=2048, slots=4, gpu_memory_share=0.5, dtype="bfloat16"
    )
    try:
        await tokens_a_second(engine, at_once=4, salt="w")
        pairs = [
            (
                await tokens_a_second(engine, at_once=1, salt=f"a{turn}"),
                await tokens_a_second(engine, at_once=4, salt=f"b{turn}"),
            )
            for turn in range(turns)
        ]
        sys.stdout.write(json.dumps({"model": catalogue.SMOL.id, "tokens": TOKENS, "pairs": pairs}) + "\n")
    finally:
        await engine.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    asyncio.run(main(parser.parse_args().pairs))
