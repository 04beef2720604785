"""A Sortformer of NeMo's real classes, tiny and with random weights, saved as a .nemo file once a run."""

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TQDM_DISABLE", "1")

WIDTH, NARROW = 64, 32


def tiny_configuration() -> dict[str, Any]:
    """The shape of the published model, with two layers where that has seventeen and eighteen."""
    modules = "nemo.collections.asr.modules"
    return {
        "sample_rate": 16_000,
        "pil_weight": 0.5,
        "ats_weight": 0.5,
        "max_num_of_spks": 4,
        "streaming_mode": True,
        "model_defaults": {"fc_d_model": WIDTH, "tf_d_model": NARROW},
        "preprocessor": {
            "_target_": f"{modules}.AudioToMelSpectrogramPreprocessor",
            "normalize": "NA",
            "window_size": 0.025,
            "sample_rate": 16_000,
            "window_stride": 0.01,
            "window": "hann",
            "features": 128,
            "n_fft": 512,
            "frame_splicing": 1,
            "dither": 0.00001,
        },
        "sortformer_modules": {
            "_target_": f"{modules}.sortformer_modules.SortformerModules",
            "num_spks": 4,
            "dropout_rate": 0.5,
            "fc_d_model": WIDTH,
            "tf_d_model": NARROW,
            "spkcache_len": 188,
            "fifo_len": 0,
            "chunk_len": 188,
            "spkcache_update_period": 1,
            "chunk_left_context": 1,
            "chunk_right_context": 1,
        },
        "encoder": {
            "_target_": f"{modules}.ConformerEncoder",
            "feat_in": 128,
            "feat_out": -1,
            "n_layers": 2,
            "d_model": WIDTH,
            "subsampling": "dw_striding",
            "subsampling_factor": 8,
            "subsampling_conv_channels": 32,
            "causal_downsampling": False,
            "ff_expansion_factor": 4,
            "self_attention_model": "rel_pos",
            "n_heads": 4,
            "att_context_size": [-1, -1],
            "att_context_style": "regular",
            "xscaling": True,
            "untie_biases": True,
            "pos_emb_max_len": 5000,
            "conv_kernel_size": 9,
            "conv_norm_type": "batch_norm",
            "conv_context_size": None,
            "dropout": 0.1,
            "dropout_pre_encoder": 0.1,
            "dropout_emb": 0.0,
            "dropout_att": 0.1,
        },
        "transformer_encoder": {
            "_target_": f"{modules}.transformer.transformer_encoders.TransformerEncoder",
            "num_layers": 2,
            "hidden_size": NARROW,
            "inner_size": 64,
            "num_attention_heads": 4,
            "attn_score_dropout": 0.5,
            "attn_layer_dropout": 0.5,
            "ffn_dropout": 0.5,
            "hidden_act": "relu",
            "pre_ln": False,
            "pre_ln_final_layer_norm": True,
        },
        "loss": {
            "_target_": "nemo.collections.asr.losses.bce_loss.BCELoss",
            "weight": None,
            "reduction": "mean",
        },
        "lr": 0.0001,
    }


@pytest.fixture(scope="session")
def nemo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The saved model."""
    import torch
    from nemo.collections.asr.models import SortformerEncLabelModel
    from omegaconf import OmegaConf

    torch.manual_seed(0)
    model = SortformerEncLabelModel(cfg=OmegaConf.create(tiny_configuration()), trainer=None)
    path = tmp_path_factory.mktemp("nemo") / "tiny.nemo"
    model.save_to(str(path))
    return path
