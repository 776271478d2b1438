"""Commands forked off a process that has the station's code loaded: loading is most of what one costs.

Arguments, environment, folder, pipes and children are the command's own; only its imports are done before.
What cannot be shared so is started afresh: see `fits`, and `afresh` of a desk.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

PINS = 100
"""The descriptor at which a command finds what `--pin-fd` is to name."""

_CONTROL = 101
_LONGEST = 1 << 17
_OWN = ("LD_", "PYTHON", "LC_", "LANG")
"""How variables begin that a process heeds before any code of ours runs."""

_ROOMS = ("drivers", "layouts", "batch", "station")
_NOT_LOADED = ("drivers.pcsc", "drivers.pkcs11", "station.tui", "station.__main__")
"""What brings libraries in that only children load, or that the screen alone needs."""


class _Order(NamedTuple):
    """What a command is: its words, environment and folder."""

    words: Sequence[str]
    environment: Mapping[str, str]
    folder: str


class Forked:
    """A command that runs, as `subprocess.Popen` would tell of it."""

    def __init__(self, pid: int, out: int, err: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: IO[bytes] = os.fdopen(out, "rb")
        self.stderr: IO[bytes] = os.fdopen(err, "rb")
        self._ended = os.fdopen(ended, "rb", buffering=0)
        self._read: dict[int, bytes] = {}

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it ended; raises `subprocess.TimeoutExpired`."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """What it said until its end; raises `subprocess.TimeoutExpired`, and may be asked again after."""
        until = None if timeout is None else time.monotonic() + timeout
        pipes = (self.stdout, self.stderr)
        with selectors.DefaultSelector() as selector:
            for place, pipe in enumerate(pipes):
                if not pipe.closed:
                    selector.register(pipe, selectors.EVENT_READ, place)
            while selector.get_map():
                left = None if until is None else max(0.0, until - time.monotonic())
                ready = selector.select(left)
                if not ready:
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
                for key, _ in ready:
                    more = os.read(key.fd, 65536)
                    self._read[key.data] = self._read.get(key.data, b"") + more
                    if not more:
                        selector.unregister(key.fileobj)
                        pipes[key.data].close()
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        return self._read.get(0, b""), self._read.get(1, b"")

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            with self._ended as ended:
                told = ended.read(4)
            assert len(told) == 4, "the process that commands are forked from has ended"
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(told, "big"))
        return self.returncode


class Loaded:
    """The process that commands are forked from."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def start(self, words: Sequence[str], environment: Mapping[str, str], folder: Path, pins: int) -> Forked:
        """Fork a command; what it gets at `PINS` is a copy of the descriptor `pins`."""
        out, out_theirs = os.pipe()
        err, err_theirs = os.pipe()
        ended, ended_theirs = os.pipe()
        given = [out_theirs, err_theirs, pins, ended_theirs]
        order = json.dumps(_Order(words, dict(environment), str(folder))).encode()
        try:
            with self._one_at_a_time:
                socket.send_fds(self._control, [order], given)
                pid = int(self._control.recv(32))
        finally:
            for descriptor in (out_theirs, err_theirs, ended_theirs):
                os.close(descriptor)
        return Forked(pid, out, err, ended)

    def close(self) -> None:
        """Let it end."""
        self._control.close()
        self._process.wait()


def fits(environment: Mapping[str, str]) -> bool:
    """Whether a command with this environment can be forked off a process that has this one's."""

    def heeded(variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name.startswith(_OWN)}

    return heeded(environment) == heeded(os.environ)


@functools.cache
def loaded() -> Loaded:
    """The one of this process, started when first needed."""
    return Loaded()


def _load() -> None:
    for room in _ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith(_NOT_LOADED):
                importlib.import_module(module.name)


def _serve(control: socket.socket) -> _Order | None:
    """Fork whatever is ordered: returns in the forked process, and None here once nobody orders any more."""
    waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([_CONTROL, waking], [], [])
        if waking in ready:
            os.read(waking, 4096)
            _reap(running)
        if _CONTROL not in ready:
            continue
        order, given = _received(control)
        if not order:
            return None
        out, err, pins, ended = given
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for place, descriptor in ((1, out), (2, err), (PINS, pins)):
                os.dup2(descriptor, place)
            control.close()
            for descriptor in (*given, waking, woken, *running.values()):
                os.close(descriptor)
            return _Order(*json.loads(order))
        running[pid] = ended
        for descriptor in (out, err, pins):
            os.close(descriptor)
        control.send(str(pid).encode())


def _received(control: socket.socket) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    order, ancillary, _, _ = control.recvmsg(_LONGEST, socket.CMSG_SPACE(4 * descriptors.itemsize))
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return order, list(descriptors)


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        ended = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it
            os.write(ended, status.to_bytes(4, "big"))
        os.close(ended)


def _main(descriptor: int) -> None:
    # Where the rest of a process is to have the numbers it has in one that is started afresh.
    os.dup2(descriptor, _CONTROL, inheritable=False)
    os.close(descriptor)
    _load()
    # What stays for ever need not be gone through again in each command.
    gc.collect()
    gc.freeze()
    order = _serve(socket.socket(fileno=_CONTROL))
    if order is None:
        return
    os.environ.clear()
    os.environ.update(order.environment)
    time.tzset()
    os.chdir(order.folder)
    sys.argv = ["station", *order.words]
    code = 1
    try:
        importlib.import_module("station.cli").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        # Taking down all that is loaded costs more than the command did.
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    del sys.path[0]
    _main(int(sys.argv[1]))
