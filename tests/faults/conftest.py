"""Desks for tests of faults: the same as for those of the main job."""

from __future__ import annotations

from tests.bench.conftest import desk_factory

__all__ = ["desk_factory"]
