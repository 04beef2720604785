"""The child process of the embedded engine: one GGUF model in mistral.rs, spoken to in JSON lines.

A process of its own, because loading holds the interpreter's lock for seconds, freed weights are not given back to
the system, and a prefill that nobody wants any more can only be ended from outside.

In:  {"id", "count": [text]} · {"id", "generate": {messages, max_tokens, temperature, schema}} · {"cancel": id}
Out: {"ready": {context}} first, or {"failed": why}; then {"id", "counts"} · {"id", "text"} · {"id", "end": {cut,
prompt, cached, completion}} · {"id", "error": why}. The end of the input ends the process.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

_REPEAT_PENALTY = 1.05
# JSON on one line: free white space costs a token in three, and small models lose themselves in it.
_ONE_LINE = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}


class _Worker:
    def __init__(self, runner: Any, out: TextIO) -> None:
        self._runner = runner
        self._out = out
        self._writing = threading.Lock()
        # The runner may be borrowed by one thread at a time; a stream that it gave out is no loan.
        self._borrowing = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def say(self, **reply: object) -> None:
        with self._writing:
            self._out.write(json.dumps(reply) + "\n")
            self._out.flush()

    def read(self, lines: Iterator[str]) -> None:
        """Take requests until the parent closes its end."""
        threading.Thread(target=self._work, daemon=True).start()
        for line in lines:
            request = json.loads(line)
            if "cancel" in request:
                self._cancelled.add(request["cancel"])
            elif "count" in request:
                with self._borrowing:
                    counts = [len(self._runner.tokenize_text(text, False, None)) for text in request["count"]]
                self.say(id=request["id"], counts=counts)
            else:
                self._jobs.put((request["id"], request["generate"]))

    def _work(self) -> None:
        """Run generations one after the other: this engine fails on prompts that it batches."""
        while True:
            number, job = self._jobs.get()
            try:
                self._generate(number, job)
            except Exception as error:
                self.say(id=number, error=str(error).splitlines()[0][:300] if str(error) else type(error).__name__)
            finally:
                self._cancelled.discard(number)

    def _generate(self, number: int, job: dict[str, Any]) -> None:
        from mistralrs import ChatCompletionRequest

        schema = job.get("schema")
        request = ChatCompletionRequest(
            model="default",
            messages=job["messages"],
            max_tokens=job["max_tokens"],
            temperature=job["temperature"],
            repetition_penalty=_REPEAT_PENALTY,
            stream=True,
            grammar=json.dumps({**schema, **_ONE_LINE}) if schema else None,
            grammar_type="json_schema" if schema else None,
        )
        last: Any = None
        if number not in self._cancelled:
            with self._borrowing:
                stream = self._runner.send_chat_completion_request(request)
            for chunk in stream:
                last = chunk
                if number in self._cancelled:
                    break
                if text := chunk.choices[0].delta.content:
                    self.say(id=number, text=text)
            # Dropping the stream makes the library stop after the step that it is in.
            del stream
        self.say(id=number, end=_end(last))


def _end(chunk: Any) -> dict[str, object]:
    usage = getattr(chunk, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    return {
        "cut": chunk is not None and chunk.choices[0].finish_reason == "length",
        "prompt": getattr(usage, "prompt_tokens", 0),
        "cached": getattr(details, "cached_tokens", 0) or 0,
        "completion": getattr(usage, "completion_tokens", 0),
    }


def main() -> None:
    """Load the model of the command line and serve the parent until it goes away."""
    path, niceness = Path(sys.argv[1]), int(sys.argv[2])
    os.nice(niceness)
    # The library prints; only replies may reach the parent's pipe.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        from mistralrs import Runner, Which

        # The stubs do not know that the variants of `Which` are its values.
        which: Any = Which.GGUF(quantized_model_id=str(path.parent), quantized_filename=path.name)
        runner = Runner(
            which=which,
            max_seqs=1,
            token_source="none",  # noqa: S106 - says that there is no token
        )
    except Exception as error:
        out.write(json.dumps({"failed": str(error).splitlines()[0][:300]}) + "\n")
        out.flush()
        return
    worker = _Worker(runner, out)
    worker.say(ready={"context": runner.max_sequence_length() or 0})
    worker.read(iter(sys.stdin.readline, ""))
    # The library's threads may be in the middle of a step; there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
