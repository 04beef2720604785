"""The Sortformer engine: NeMo's model, its streaming steps for live speech and recordings alike."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from inference.engines.diarization import DiarizationCapabilities, DiarizationOptions
from inference.engines.sortformer.presets import LIVE, Preset
from inference.engines.sortformer.stream import SortformerStream, Step
from inference.engines.sortformer.turns import Probabilities


class SortformerDiarizer:
    """Streaming Sortformer (Medennikov et al., 2025). One call at a time: its settings belong to the model."""

    def __init__(self, model: str, *, device: Literal["auto", "cpu", "cuda"] = "auto") -> None:
        os.environ.setdefault("TQDM_DISABLE", "1")
        import torch
        from nemo.collections.asr.models import SortformerEncLabelModel

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._torch = torch
        if Path(model).is_file():
            self._model = SortformerEncLabelModel.restore_from(restore_path=model, map_location=device, strict=False)
        else:
            self._model = SortformerEncLabelModel.from_pretrained(model, map_location=device, strict=False)
        self._model.eval()
        self._modules = self._model.sortformer_modules
        self._modules.log = False
        features = self._model.preprocessor.featurizer
        # The same audio is to give the same features, whatever it is cut into.
        features.dither, features.pad_to = 0.0, 0
        self._capabilities = DiarizationCapabilities(
            max_speakers=int(self._modules.n_spk),
            streaming=True,
            # On a CPU a step of the quick presets takes longer than the audio it decides.
            latency=LIVE[-1].latency if device == "cuda" else LIVE[0].latency,
            max_batch=4,
            workers=1,
            device=device,
        )

    @property
    def capabilities(self) -> DiarizationCapabilities:
        """What callers may ask for."""
        return self._capabilities

    def open(self, options: DiarizationOptions) -> SortformerStream:
        """Begin a stream."""
        return SortformerStream(options, None)

    def advance(self, streams: Sequence[SortformerStream]) -> None:
        """Do the next step of each stream."""
        with self._torch.inference_mode():
            for stream in streams:
                step = stream.next_step()
                if step is not None:
                    stream.decide(self._step(stream, step))
                stream.conclude()

    def close(self) -> None:
        """Free the weights."""
        del self._model, self._modules
        if self._capabilities.device == "cuda":
            self._torch.cuda.empty_cache()

    def _step(self, stream: SortformerStream, step: Step) -> Probabilities:
        torch, model = self._torch, self._model
        self._configure(stream.preset)
        if stream.state is None:
            stream.state = self._modules.init_streaming_state(
                batch_size=1, async_streaming=model.async_streaming, device=model.device
            )
        samples = torch.from_numpy(step.pcm.astype(np.float32) / 32768).to(model.device)
        features, _ = model.preprocessor(
            input_signal=samples[None], length=torch.tensor([len(samples)], device=model.device)
        )
        rows = features[:, :, step.skip : step.skip + step.rows].transpose(1, 2)
        stream.state, probabilities = model.forward_streaming_step(
            processed_signal=rows,
            processed_signal_length=torch.tensor([rows.shape[1]], device=model.device),
            streaming_state=stream.state,
            # Empty, so that memory stays flat: what was decided is kept as turns.
            total_preds=torch.zeros((1, 0, self._modules.n_spk), device=model.device),
            left_offset=step.left,
            right_offset=step.right,
        )
        return np.asarray(probabilities[0].float().cpu().numpy(), np.float32)

    def _configure(self, preset: Preset) -> None:
        modules = self._modules
        modules.chunk_len, modules.fifo_len, modules.spkcache_len = preset.chunk, preset.fifo, preset.cache
        modules.chunk_left_context, modules.chunk_right_context = preset.left_context, preset.right_context
        modules.spkcache_update_period = preset.update_period
