"""A peer engine in a process of its own: reads a JSON request a line, answers with wall and CPU seconds and the text.

Runs under any interpreter that has the peer installed, so it imports nothing of the project.
"""

import json
import resource
import sys
import time
from pathlib import Path


def cpu():
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def whisper(model, threads, batched):
    """faster-whisper as its users call it: WhisperModel, or its batched pipeline of eight."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    engine = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
    transcriber = BatchedInferencePipeline(model=engine) if batched else engine

    def transcribe(file, language, words):
        extra = {"batch_size": 8} if batched else {"vad_filter": True}
        segments, info = transcriber.transcribe(file, language=language, beam_size=5, word_timestamps=words, **extra)
        text = " ".join(segment.text.strip() for segment in segments)
        return text, info.language

    return transcribe


def openai(model, threads):
    """openai-whisper with the same weights in its own form."""
    import torch
    import whisper as package

    torch.set_num_threads(threads)
    engine = package.load_model(model, device="cpu")

    def transcribe(file, language, words):
        samples = package.audio.np.frombuffer(Path(file).read_bytes(), package.audio.np.int16) / 32768.0
        answer = engine.transcribe(
            samples.astype("float32"), language=language, beam_size=5, word_timestamps=words, fp16=False
        )
        return answer["text"].strip(), answer["language"]

    return transcribe


def main():
    """Load once, then answer until the input ends."""
    kind, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    transcribe = openai(model, threads) if kind == "openai" else whisper(model, threads, kind == "batched")
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        wall, used = time.monotonic(), cpu()
        text, language = transcribe(request["file"], request.get("language"), request.get("words", True))
        answer = {"wall": time.monotonic() - wall, "cpu": cpu() - used, "text": text, "language": language}
        answer["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
