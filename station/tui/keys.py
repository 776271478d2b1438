"""Keys as they are told in the language in use: bindings are written down before anybody chose one."""

from __future__ import annotations

from dataclasses import replace

from textual.binding import BindingsMap

from station.tui.words import _


def spoken_keys(written: BindingsMap) -> BindingsMap:
    """The same bindings with what they do in the language in use."""
    told = written.copy()
    for key, bindings in written.key_to_bindings.items():
        told.key_to_bindings[key] = [replace(one, description=_(one.description)) for one in bindings]
    return told
