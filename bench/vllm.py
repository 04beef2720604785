"""(l) vLLM: tokens a second of four summaries' passes at once over one, in an environment of its own."""

import argparse
import json
import statistics
import subprocess
from pathlib import Path

from bench.load import row, table

ROOT = Path(__file__).resolve().parents[1]


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--vllm-python", type=Path, default=ROOT / ".venv-vllm" / "bin" / "python")
    parser.add_argument("--vllm-pairs", type=int, default=5, help="turns of one and of four")


def run(args: argparse.Namespace) -> str:
    """One and four in turn, so that a busy moment hits both of a pair."""
    heading = "### vLLM on a CPU: four passes at once"
    if not args.vllm_python.exists():
        return f"{heading}\n\nNot measured: `make test-vllm` sets its environment up."
    command = [str(args.vllm_python), "-m", "tests.vllm.batching", "--pairs", str(args.vllm_pairs)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=1800).stdout
    # vLLM prints its own lines, the last ones while it ends.
    measured = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    one, four = zip(*measured["pairs"], strict=True)
    ratios = [together / alone for alone, together in measured["pairs"]]
    return "\n".join(
        [
            heading,
            "",
            f"{measured['model']} in bfloat16, {measured['tokens']} tokens a pass, a prompt each; medians of "
            f"{len(ratios)} pairs, the ratio within a pair.",
            "",
            table("passes at once", "tokens/s together", "of one, median", "least", "most"),
            row("1", f"{statistics.median(one):.1f}", "1", "", ""),
            row(
                "4",
                f"{statistics.median(four):.1f}",
                f"**{statistics.median(ratios):.2f}x**",
                f"{min(ratios):.2f}x",
                f"{max(ratios):.2f}x",
            ),
        ]
    )
