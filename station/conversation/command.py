"""The command's end of a conversation: it asks, waits for the answer, and tells what ended it."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from contextlib import suppress

from drivers.secret import Secret
from station.conversation.messages import (
    DECLINED,
    LEFT,
    YES,
    AskNext,
    AskSecret,
    AskText,
    AskYes,
    Message,
    Question,
    encode,
)
from station.errors import ConversationFault, PinUnavailable, Unanswered
from station.pins import LONGEST_PIN

_LONGEST = 4096
"""Bytes of an answer."""

_HUNG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Conversation:
    """Asks whoever is at the other end of the socket `descriptor`; the terminal is left alone.

    Once it is gone the process gets SIGHUP, as when a terminal is closed, unless the screen said `LEFT`.
    Raises `ConversationFault` for what is no such socket.
    """

    def __init__(self, descriptor: int) -> None:
        # A child that had it too would keep the conversation open.
        try:
            os.set_inheritable(descriptor, False)
            self._socket = socket.socket(fileno=descriptor)
        except OSError:
            raise ConversationFault("is no socket that is open", where=str(descriptor)) from None
        if (self._socket.family, self._socket.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
            self._socket.detach()
            raise ConversationFault("is no Unix stream socket", where=str(descriptor))
        self._socket.setblocking(True)
        self._hearing = threading.Lock()
        self._received = b""
        self._ended = self._left = False
        self._over = os.eventfd(0, os.EFD_CLOEXEC)
        self._watching = threading.Thread(target=self._watch, daemon=True, name="conversation")
        self._watching.start()

    @property
    def there(self) -> bool:
        """Always: who is gone is found out by asking."""
        return True

    def secret(self, name: str, prompt: str, *, again: bool = False) -> Secret:
        """Ask for a secret: see `station.asking.Asking`."""
        told = f"new {prompt}" if again else prompt
        answer = self._ask(AskSecret(name, told, again), told)
        if answer is None:
            raise PinUnavailable(
                "there is nobody to ask: the screen is gone",
                where=prompt,
                next="give it with --pin-fd, or name a private file in station.toml",
            )
        if not answer:
            raise PinUnavailable("nothing was typed", where=prompt, next="run the command again")
        if len(answer) > LONGEST_PIN:
            raise PinUnavailable(f"more than {LONGEST_PIN} bytes were typed", where=prompt)
        return Secret(answer)

    def text(self, prompt: str) -> str:
        """Ask for a line of text: see `station.asking.Asking`."""
        answer = self._ask(AskText(prompt), prompt)
        if answer is None:
            raise _gone(prompt)
        try:
            return answer.decode()
        except UnicodeDecodeError:
            raise Unanswered("was answered with what is no UTF-8", where=prompt) from None

    def yes(self, prompt: str) -> bool:
        """Ask whether to: see `station.asking.Asking`; a person who declines says no."""
        try:
            answer = self._ask(AskYes(prompt), prompt)
        except Unanswered:
            return False
        if answer is None:
            raise _gone(prompt)
        return answer == YES

    def next(self, prompt: str, about: str = "") -> bool:
        """Wait for the hands: see `station.asking.Asking`."""
        try:
            return self._ask(AskNext(prompt, about), prompt) is not None
        except Unanswered:
            return False

    def tell(self, message: Message) -> None:
        """Tell the screen, where it is still there."""
        with suppress(OSError):
            self._socket.sendall(encode(message))

    def close(self) -> None:
        """End the conversation; who goes away after that is not missed."""
        os.eventfd_write(self._over, 1)
        self._watching.join()
        os.close(self._over)
        self._socket.close()

    def _ask(self, question: Question, prompt: str) -> bytes | None:
        """The answer, None where there will be none; raises `Unanswered` for a person who declines."""
        self.tell(question)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while b"\n" not in self._received and not self._ended:
            poll.poll()
            self._hear()
            if len(self._received) > _LONGEST:
                raise Unanswered(f"was answered with more than {_LONGEST:,} bytes", where=prompt)
        with self._hearing:
            answer, ended, self._received = self._received.partition(b"\n")
        if answer == DECLINED:
            raise Unanswered("was not answered", where=prompt, next="run the command again")
        return None if answer == LEFT or not ended else answer

    def _hear(self) -> None:
        """Take in what has come."""
        with self._hearing:
            try:
                more = self._socket.recv(_LONGEST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                more = b""
            self._received += more
            self._ended = not more
            self._left = self._left or self._received.endswith(LEFT + b"\n")

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._socket, _HUNG_UP)
        poll.register(self._over, select.POLLIN)
        if self._over in dict(poll.poll()):
            return
        while not self._ended:
            self._hear()
        if not self._left:
            os.kill(os.getpid(), signal.SIGHUP)


def _gone(prompt: str) -> Unanswered:
    return Unanswered("there is nobody to ask: the screen is gone", where=prompt)
