"""A GGUF file as the folder of safetensors that vLLM reads: `python -m tests.vllm.converting FILE FOLDER`.

vLLM itself no longer reads GGUF, and SmolLM2 comes as that from the Python registry.
"""

import os
import sys
from pathlib import Path


def convert(source: Path, target: Path) -> None:
    """Write weights, tokenizer and configuration; the folder appears when it is whole."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    # The weights are plain numbers now; a quantization in the configuration would be looked for in them.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    building = target.with_name(f"{target.name}.{os.getpid()}")
    model.save_pretrained(building)
    tokenizer.save_pretrained(building)
    building.rename(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
