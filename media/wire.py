"""The frames that a child writes to its pipe: a kind, a length, a payload."""

import struct

HEADER = struct.Struct("<cI")
"""Kind and payload length."""

PROBE = b"i"
"""JSON of a `Probe`; first and once."""
PCM = b"p"
"""Samples, s16le mono."""
END = b"e"
"""JSON: `truncated`; last and once, after all samples."""
ERROR = b"x"
"""JSON: `reason` and `message`; last and once."""
FAULT = b"f"
"""JSON: `error`; last and once, for what ought not to happen."""

CHUNK_BYTES = 64_000
"""Bytes of all frames of samples but the last: 2 s at 16 kHz."""
MAX_PAYLOAD = 65_536
"""Bytes of the largest payload that a parent accepts from a child, which may have been taken over."""
