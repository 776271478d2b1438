"""An application that looks at each key when the one before it has had its effect.

Textual hands a key to whatever has the focus at that moment, and all of a scanner's keys are there before the
field that the first of them opens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.keys import _character_to_key
from textual.message import Message

Result = TypeVar("Result")

_PATIENCE = 0.2
"""Seconds after which the next key is looked at all the same, however busy what had the last is."""

_LOOK = 0.01
"""Seconds between two looks whether what had it is still there."""

_SCAN = 0.15
"""Seconds a scan may take; less than the patience, so that no key of it is handed on meanwhile."""

_BETWEEN = 0.05
"""Seconds of silence after which no more of a scan is to come."""

_ROUNDS = 3
"""What a key has posted comes behind it, and what that has posted behind that."""


class KeysInOrder(App[Result]):
    """Keys and what is pasted are handed on one at a time."""

    class Passed(Message):
        """Goes the way of a key, behind it."""

        def __init__(self) -> None:
            super().__init__()
            self.come = asyncio.Event()

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        self._handing = False

    async def scanned_ahead(self) -> str:
        """Take the characters that came behind the key in hand, at most to an Enter, `\\r`.

        Where there are some already no person has typed them: the rest of a scan is waited for.
        """
        text, heard = self._taken(), monotonic()
        latest = heard + _SCAN
        while text and not text.endswith("\r") and monotonic() < min(latest, heard + _BETWEEN):
            await asyncio.sleep(_LOOK / 2)
            if more := self._taken():
                text, heard = text + more, monotonic()
        return text

    def _taken(self) -> str:
        text = ""
        while self._typed and not text.endswith("\r"):
            key = self._typed[0]
            if not isinstance(key, events.Key) or not (key.is_printable or key.key == "enter"):
                break
            self._typed.popleft()
            text += "\r" if key.key == "enter" else key.character or ""
        return text

    def type_in(self, text: str) -> None:
        """Have a text typed, as a scanner that is a keyboard would; `\\r` is Enter."""
        for letter in text:
            key = "enter" if letter == "\r" else _character_to_key(letter)
            self.post_message(events.Key(key, letter))

    async def on_event(self, event: events.Event) -> None:
        """What is typed waits for its turn."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            if not self._handing:
                self._handing = True
                self.run_worker(self._hand_on(), group="keys")
        else:
            await super().on_event(event)

    async def _hand_on(self) -> None:
        try:
            while self._typed:
                had_it = self.focused or self.screen
                await super().on_event(self._typed.popleft())
                for _ in range(_ROUNDS - 1):
                    await self._passed(had_it)
                await self._passed(self.focused or self.screen)
        finally:
            self._handing = False

    async def _passed(self, by: DOMNode) -> None:
        passed, latest = self.Passed(), monotonic() + _PATIENCE
        by.post_message(passed)
        while by.is_attached and not passed.come.is_set() and monotonic() < latest:
            with suppress(TimeoutError):
                await asyncio.wait_for(passed.come.wait(), _LOOK)

    def on_keys_in_order_passed(self, passed: Passed) -> None:
        """It has come all the way up."""
        passed.come.set()
