"""Follows which readers hold a card, by the events pcscd gives its clients.

The C interface of libpcsclite is used as it is: the bench knows nothing of the station's own PC/SC driver,
and must not agree with it by sharing its mistakes.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterable

from simulators.bench.errors import BenchError

_SCARD_SCOPE_SYSTEM = 2
_SCARD_STATE_CHANGED, _SCARD_STATE_PRESENT = 0x0002, 0x0020
_SCARD_E_NO_READERS_AVAILABLE = 0x8010002E
_INFINITE = 0xFFFFFFFF
_NEW_READER = rb"\\?PnP?\Notification"


class _ReaderState(ctypes.Structure):
    _fields_ = (
        ("reader", ctypes.c_char_p),
        ("user_data", ctypes.c_void_p),
        ("current", ctypes.c_ulong),
        ("event", ctypes.c_ulong),
        ("atr_length", ctypes.c_ulong),
        ("atr", ctypes.c_ubyte * 33),
    )


class Watcher:
    """Knows of every reader whether the pcscd at `socket_path` (None: the system's) sees a card in it."""

    def __init__(self, socket_path: str | None) -> None:
        if socket_path is not None:
            os.environ["PCSCLITE_CSOCK_NAME"] = socket_path
        self._library = ctypes.CDLL("libpcsclite.so.1")
        self._context = ctypes.c_long()
        self._call("SCardEstablishContext", _SCARD_SCOPE_SYSTEM, None, None, ctypes.byref(self._context))
        self._present: dict[str, bool] = {}
        self._changed = threading.Condition()

    def await_readers(self, names: Iterable[str], timeout: float) -> None:
        """Wait until pcscd lists all of `names`, then follow them; `BenchError` after `timeout` seconds."""
        wanted, deadline = set(names), time.monotonic() + timeout
        while missing := wanted - self._list():
            state = (_ReaderState * 1)(_ReaderState(reader=_NEW_READER))
            left = deadline - time.monotonic()
            if left <= 0:
                raise BenchError(
                    f"pcscd does not show {', '.join(sorted(missing))}", next="look into the log of the bench"
                )
            self._status_change(state, timeout=left)
        self._present = dict.fromkeys(wanted, False)
        threading.Thread(target=self._follow, daemon=True, name="watcher").start()

    def wait_until(self, met: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until `met` holds, which may ask `present`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(met, timeout)

    def present(self, reader: str) -> bool:
        """Whether pcscd sees a card in the reader."""
        return self._present[reader]

    def wake(self) -> None:
        """Let every waiting call look at its condition again."""
        with self._changed:
            self._changed.notify_all()

    def _follow(self) -> None:
        names = list(self._present)
        states = (_ReaderState * len(names))(*(_ReaderState(reader=name.encode()) for name in names))
        while self._status_change(states):
            with self._changed:
                for name, state in zip(names, states, strict=True):
                    self._present[name] = bool(state.event & _SCARD_STATE_PRESENT)
                    state.current = state.event & ~_SCARD_STATE_CHANGED
                self._changed.notify_all()

    def _status_change(self, states: ctypes.Array[_ReaderState], timeout: float | None = None) -> bool:
        wait = ctypes.c_ulong(_INFINITE if timeout is None else int(timeout * 1000) + 1)
        code = self._library.SCardGetStatusChange(self._context, wait, states, ctypes.c_ulong(len(states)))
        return int(code) == 0

    def _list(self) -> set[str]:
        size = ctypes.c_ulong()
        code = self._library.SCardListReaders(self._context, None, None, ctypes.byref(size))
        if code & 0xFFFFFFFF == _SCARD_E_NO_READERS_AVAILABLE:
            return set()
        buffer = ctypes.create_string_buffer(size.value)
        self._call("SCardListReaders", self._context, None, buffer, ctypes.byref(size))
        return {name.decode() for name in buffer.raw[: size.value].split(b"\0") if name}

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, name)(*arguments) & 0xFFFFFFFF
        if code:
            raise BenchError(f"{name} failed with {code:#010x}", next="look into the log of the bench")
