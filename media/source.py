"""The file that a child decodes, by its descriptor alone."""

import os

_PLACEHOLDER = 0x7FFF_0000
"""RIFF sizes from here on are what programs write that do not know the size yet."""

_FIRST_FRAME_BYTES = 2_048


class Source:
    """A file by its descriptor, read at positions of our own: the parent shares the descriptor's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self._size = os.fstat(descriptor).st_size

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        data = os.pread(self._descriptor, size, self._position)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def is_cut(self) -> bool:
        """Say whether it is a RIFF file (WAVE, AVI) whose header counts more bytes than there are."""
        head = os.pread(self._descriptor, 8, 0)
        claimed = int.from_bytes(head[4:8], "little") + 8
        return head[:4] == b"RIFF" and self._size < claimed < _PLACEHOLDER

    def counts_frames(self) -> bool:
        """Say whether it has the header by which an MP3 file tells its length; without one that is a guess."""
        head = os.pread(self._descriptor, 10, 0)
        tag = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False)) + 10
        first = os.pread(self._descriptor, _FIRST_FRAME_BYTES, tag if head[:3] == b"ID3" else 0)
        return any(name in first for name in (b"Xing", b"Info", b"VBRI"))

    def tell(self) -> int:
        """Return the position."""
        return self._position
