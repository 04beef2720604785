"""A real GGUF model with most of its layers left out: the same tokenizer and kernels, a tenth of the work, no sense."""

import io
import struct
from pathlib import Path
from typing import BinaryIO

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32


def shallow(source: Path, target: Path, *, layers: int) -> Path:
    """Write the first layers of a llama model, with all that is around them."""
    with source.open("rb") as file:
        magic, version, tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
        assert magic == b"GGUF"
        metadata = b"".join(_pair(file, layers) for _ in range(pairs))
        infos = [_info(file) for _ in range(tensors)]
        start = _aligned(file.tell())
        ends = [*sorted(offset for *_, offset in infos)[1:], source.stat().st_size - start]
        sizes = dict(zip(sorted(offset for *_, offset in infos), ends, strict=True))
        kept = [info for info in infos if not info[0].startswith(b"blk.") or int(info[0].split(b".")[1]) < layers]
        head, data = io.BytesIO(), io.BytesIO()
        for name, shape, offset in kept:
            head.write(struct.pack("<Q", len(name)) + name + shape + struct.pack("<Q", data.tell()))
            file.seek(start + offset)
            data.write(file.read(sizes[offset] - offset))
            data.write(bytes(_aligned(data.tell()) - data.tell()))
    front = struct.pack("<4sIQQ", magic, version, len(kept), pairs) + metadata + head.getvalue()
    target.write_bytes(front + bytes(_aligned(len(front)) - len(front)) + data.getvalue())
    return target


def _pair(file: BinaryIO, layers: int) -> bytes:
    key = _string(file)
    kind = file.read(4)
    value = _value(file, struct.unpack("<I", kind)[0])
    if key.endswith(b".block_count"):
        value = struct.pack("<I", layers)
    return key + kind + value


def _string(file: BinaryIO) -> bytes:
    length = file.read(8)
    return length + file.read(struct.unpack("<Q", length)[0])


def _value(file: BinaryIO, kind: int) -> bytes:
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return file.read(_SIZES[kind])
    head = file.read(12)
    of, length = struct.unpack("<IQ", head)
    if of in _SIZES:
        return head + file.read(_SIZES[of] * length)
    return head + b"".join(_value(file, of) for _ in range(length))


def _info(file: BinaryIO) -> tuple[bytes, bytes, int]:
    """Name, shape and type as they are written, offset."""
    name = _string(file)[8:]
    count = file.read(4)
    shape = count + file.read(8 * struct.unpack("<I", count)[0] + 4)
    return name, shape, struct.unpack("<Q", file.read(8))[0]


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
