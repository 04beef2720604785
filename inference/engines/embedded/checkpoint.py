"""The tensors of a torch checkpoint, read without torch and without running what a pickle may ask for."""

import collections
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class CheckpointError(Exception):
    """The file is no checkpoint of the plain kind."""


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float tensors of the state dictionary by name.

    The file is a zip archive: `data.pkl` describes the tensors, `data/KEY` holds their bytes. The pickle may name
    nothing but ordered dictionaries and tensors. Raises CheckpointError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = archive.namelist()[0].partition("/")[0]
            with archive.open(f"{root}/data.pkl") as pickled:
                found = _Reader(pickled, lambda key: archive.read(f"{root}/data/{key}")).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, KeyError, IndexError, ValueError) as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    state = found.get("state_dict", found)
    return {name: tensor for name, tensor in state.items() if _is_float(tensor)}


class _Reader(pickle.Unpickler):
    """An unpickler that can build tensors and nothing else."""

    def __init__(self, file: Any, read: Callable[[str], bytes]) -> None:
        super().__init__(file)
        self._read = read

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return collections.OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch", _ if name in _STORAGES:
                return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a plain checkpoint")

    def persistent_load(self, identity: Any) -> NDArray[Any]:
        _, dtype, key, _, _ = identity
        return np.frombuffer(self._read(key), dtype)


def _tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> NDArray[Any]:
    """Cut a tensor out of its storage; `stride` counts elements."""
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if min((offset, *stride, *size)) < 0 or last >= len(storage):
        raise ValueError("a tensor reaches out of its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(storage[offset:], size, steps))


def _is_float(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float32


Tensors = Mapping[str, NDArray[np.float32]]
