"""One object in a hardened child process of its own, called through a private pipe.

Vendor modules crash and hang, and codes may be in clear only inside the process that needs them: lanes,
the bench's keys, the CA and printing each live in such a child. The child is started afresh (no fork of
the desk's memory), dumps no core, cannot be traced by others (R40), is out of reach of the keys of the
terminal (Ctrl-C is the desk's to answer), and ends when the desk is gone: within half a minute, or, where
what it serves has a lock `unbroken`, at once unless that is held for something that must not be cut off.
"""

from __future__ import annotations

import ctypes
import importlib
import operator
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from drivers import replies
from drivers.errors import DriverError, ProcessDied

_PR_SET_DUMPABLE = 4
_ORPHAN_GRACE = 30.0
"""Seconds a child whose desk is gone may still use to end the exchange it is in."""


_TO_CLOSE = 1.0
"""Seconds for one that does nothing to let go of its devices by itself."""


@dataclass(frozen=True)
class Reply:
    """What a child answered: `error` is None where it went well."""

    call: int
    value: Any
    error: DriverError | None

    def result(self) -> Any:
        """The value; raises the error the child met."""
        if self.error is not None:
            raise self.error
        return self.value


class Child:
    """Starts `factory` (`package.module:callable`) with `arguments` in a process of its own.

    Calls are answered in order. `environment` is set before anything is imported there. Only one that is
    `restartable` keeps its arguments, PINs among them, in this process.
    """

    def __init__(
        self,
        name: str,
        factory: str,
        arguments: Sequence[Any] = (),
        *,
        environment: Mapping[str, str] | None = None,
        restartable: bool = False,
    ) -> None:
        self.name = name
        self._environment = dict(environment or {})
        served = (factory, tuple(arguments))
        self._served = served if restartable else None
        self._start(served)

    def _start(self, served: tuple[str, tuple[Any, ...]]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "drivers.process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **self._environment},
                process_group=0,
            )
        self._pipe = Connection(ours.detach())
        self._calls = 0
        self._pipe.send(served)

    @property
    def pid(self) -> int:
        """The process id of the child."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process lives and may be called."""
        return not self._pipe.closed and self._process.poll() is None

    def fileno(self) -> int:
        """For `select` and friends: readable when a reply is there or the child is gone; not after `kill`."""
        return self._pipe.fileno()

    def call(self, method: str, *arguments: Any) -> int:
        """Send a call and return its number at once; raises `ProcessDied`."""
        self._calls += 1
        try:
            self._pipe.send((self._calls, method, arguments))
        except OSError as error:
            raise self._died() from error
        return self._calls

    def receive(self) -> Reply:
        """The next reply, waiting for it; raises `ProcessDied`.

        A child that answers what is no reply, or a secret, is ended.
        """
        try:
            data = self._pipe.recv_bytes(replies.LONGEST)
        except (OSError, EOFError) as error:
            raise self._died() from error
        try:
            reply = replies.load(data)
        except ValueError:
            raise self._senseless() from None
        if not isinstance(reply, Reply) or not isinstance(reply.error, DriverError | None):
            raise self._senseless()
        return reply

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        """Call and wait for the value; raises what the child raised, or `ProcessDied`.

        A child that does not answer within `timeout` seconds is ended.
        """
        number = self.call(method, *arguments)
        if timeout is not None and not self._pipe.poll(timeout):
            self.kill()
            raise ProcessDied(f"no answer within {timeout:g} s, ended", where=self.name)
        reply = self.receive()
        if reply.call != number:
            raise self._senseless()
        return reply.result()

    def kill(self) -> None:
        """End the child at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    def restart(self) -> None:
        """End the process and start a fresh one of the same; what was unanswered never will be."""
        assert self._served is not None, "only a restartable one is started again"
        self.kill()
        self._start(self._served)

    def hang_up(self) -> None:
        """Let the child end by itself, once it has ended the call it is in; returns at once."""
        self._pipe.close()

    def close(self, timeout: float = 10.0) -> None:
        """Let the child end by itself, then make sure."""
        self.hang_up()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _senseless(self) -> ProcessDied:
        self.kill()
        return ProcessDied("what it answered is no reply, ended", where=self.name)

    def _died(self) -> ProcessDied:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return ProcessDied(f"the process ended ({how})", where=self.name)


def harden() -> None:
    """No core dump, no tracing by other processes of this user (R40)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _serve(descriptor: int) -> None:
    harden()
    serving: list[Any] = []
    threading.Thread(target=_outlive_no_desk, args=(descriptor, serving), daemon=True).start()
    pipe = Connection(descriptor)
    try:
        factory, arguments = pipe.recv()
    except EOFError:
        return
    module, _, name = factory.partition(":")
    failed: DriverError | None = None
    served: Any = None
    try:
        served = operator.attrgetter(name)(importlib.import_module(module))(*arguments)
        serving.append(served)
    except Exception as error:  # the first call reports it
        failed = _crossing(error)
    del arguments
    while True:
        try:
            number, method, arguments = pipe.recv()
        except (EOFError, OSError):
            break
        value, problem = None, failed
        if problem is None:
            try:
                value = getattr(served, method)(*arguments)
            except Exception as error:  # crosses the pipe as one of our own
                problem = _crossing(error)
        del arguments
        try:
            pipe.send(Reply(number, value, problem))
        except OSError:
            break
        del value
    if hasattr(served, "close"):
        served.close()


def _crossing(error: Exception) -> DriverError:
    """An error fit to leave the process: foreign ones lose their text, which may carry a code (R40)."""
    if isinstance(error, DriverError):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown place"
    return DriverError(f"unexpected {type(error).__name__} at {place}", next="report this as a bug")


def _outlive_no_desk(descriptor: int, serving: Sequence[Any]) -> None:
    """Wait until the desk's end of the pipe is closed, then let a hung module not live on for ever."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    poll.poll()
    unbroken = getattr(serving[0], "unbroken", None) if serving else None
    if unbroken is None:
        time.sleep(_ORPHAN_GRACE)
    else:
        # Held from here on, so that nothing of the kind is begun any more.
        unbroken.acquire(timeout=_ORPHAN_GRACE)
        time.sleep(_TO_CLOSE)
    os._exit(70)


if __name__ == "__main__":
    # What is pickled under the name __main__ means nothing to the desk.
    importlib.import_module("drivers.process")._serve(int(sys.argv[1]))
