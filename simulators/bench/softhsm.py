"""Where SoftHSM's PKCS#11 module is on this machine."""

from __future__ import annotations

from pathlib import Path

from simulators.bench.errors import BenchError

_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


def softhsm_module() -> str:
    """The path of SoftHSM's PKCS#11 module; raises `BenchError` naming the package where it is missing."""
    for path in _PLACES:
        if Path(path).exists():
            return path
    raise BenchError("SoftHSM is not installed", next="sudo apt install softhsm2")
