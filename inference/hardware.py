"""What the process runs on, asked of the driver itself."""

import ctypes
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator, or the processor."""

    kind: str
    """`cuda` or `cpu`."""
    name: str = ""
    memory_mebibytes: int = 0


CPU = Device("cpu")


def devices(kind: str) -> tuple[Device, ...]:
    """Return the devices of a kind: for `cuda` those that the driver shows to this process, for `cpu` one entry."""
    return (_cuda() or (CPU,)) if kind == "cuda" else (CPU,)


def _cuda() -> tuple[Device, ...]:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ()
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    found = []
    for ordinal in range(count.value):
        device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(128), ctypes.c_size_t()
        failed = (
            driver.cuDeviceGet(ctypes.byref(device), ordinal)
            or driver.cuDeviceGetName(name, len(name), device)
            or driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        )
        if not failed:
            found.append(Device("cuda", name.value.decode(errors="replace"), memory.value >> 20))
    return tuple(found)
