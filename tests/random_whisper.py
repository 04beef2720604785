"""A tiny Whisper with random weights but the layout of large-v3: 128 mel bands, its vocabulary and special tokens."""

import json
from pathlib import Path

import numpy as np
import tokenizers
from ctranslate2.specs import whisper_spec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from numpy.typing import NDArray
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

TEXT_TOKENS = 50_257
WIDTH, HEADS, LAYERS, BANDS = 32, 2, 2, 128


def write_random_whisper(folder: Path, *, seed: int = 0) -> Path:
    """Write `model.bin`, `config.json`, `tokenizer.json` and the vocabulary; returns `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    languages = [f"<|{code}|>" for code in _LANGUAGE_CODES]
    special = ["<|endoftext|>", "<|startoftranscript|>", *languages, "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    alphabet = sorted(ByteLevel.alphabet())
    # Two-letter tokens with a space before some of them, so that random text has words.
    pairs = [first + second for first in ["\u0120", *alphabet] for second in alphabet]
    text = list(dict.fromkeys([*alphabet, *pairs]))[:TEXT_TOKENS]
    # Multilingual vocabularies, and only those, end their text with an empty token: CTranslate2 looks for it.
    vocabulary = [*text[: TEXT_TOKENS - 1], "", *special]

    tokenizer = tokenizers.Tokenizer(BPE({token: index for index, token in enumerate(vocabulary)}, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))

    _write_model(folder, vocabulary, languages, np.random.default_rng(seed))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": BANDS}))
    return folder


def _write_model(folder: Path, vocabulary: list[str], languages: list[str], random: np.random.Generator) -> None:
    def weights(*shape: int) -> NDArray[np.float32]:
        return (random.standard_normal(shape) * 0.2).astype(np.float32)

    def linear(layer: object, outputs: int, inputs: int) -> None:
        layer.weight, layer.bias = weights(outputs, inputs), weights(outputs)  # type: ignore[attr-defined]

    def norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), weights(WIDTH)  # type: ignore[attr-defined]

    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, BANDS, 3), weights(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    decoder.embeddings.weight = weights(len(vocabulary), WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.scale_embeddings = False
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in [*encoder.layer, *decoder.layer]:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    for layer in decoder.layer:
        norm(layer.attention.layer_norm)
        linear(layer.attention.linear[0], WIDTH, WIDTH)
        linear(layer.attention.linear[1], 2 * WIDTH, WIDTH)
        linear(layer.attention.linear[2], WIDTH, WIDTH)

    ids = {token: index for index, token in enumerate(vocabulary)}
    # Lean towards the end token, so that texts end by themselves after a while.
    decoder.embeddings.weight[ids["<|endoftext|>"]] = 3.0 * decoder.layer_norm.beta
    decoder.projection.weight = decoder.embeddings.weight
    spec.register_vocabulary(vocabulary)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [ids[token] for token in languages]
    spec.config.alignment_heads = [[layer, head] for layer in range(LAYERS) for head in range(HEADS)]
    spec.validate()
    spec.save(str(folder))
