"""The simulated bench: virtual PIV cards on a real PC/SC stack, and seats for SoftHSM tokens."""

from simulators.bench.client import Bench
from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout, default_directory
from simulators.bench.model import BenchStatus, Kept, SeatStatus
from simulators.bench.softhsm import softhsm_module

__all__ = [
    "Bench",
    "BenchError",
    "BenchStatus",
    "Kept",
    "Layout",
    "SeatStatus",
    "default_directory",
    "softhsm_module",
]
