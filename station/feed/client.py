"""Watching a production that some process runs on this home, from an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from drivers.errors import ToldError
from station.feed.messages import LONGEST, Asked, Told, decode_told, encode
from station.feed.place import reachable


class NothingToWatch(ToldError):
    """No production runs on this home, or what runs cannot be understood."""


class Watch:
    """One connection to a feed: iterate for its messages, which end with it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str) -> None:
        self._reader, self._writer, self._where = reader, writer, where

    @classmethod
    async def open(cls, run_directory: Path) -> Watch:
        """Connect; raises `NothingToWatch` where no production runs."""
        try:
            # Apart, because the disk may hang on the way to the socket.
            feed = await asyncio.to_thread(_connected, run_directory)
            reader, writer = await asyncio.open_unix_connection(sock=feed, limit=LONGEST)
        except OSError as error:
            raise NothingToWatch(
                "no production runs here", where=str(run_directory), next="start one: `station produce`"
            ) from error
        return cls(reader, writer, str(run_directory))

    async def __aiter__(self) -> AsyncIterator[Told]:
        try:
            while (line := await self._reader.readline()).endswith(b"\n"):
                yield decode_told(line)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise NothingToWatch(
                "the production tells what this program does not understand",
                where=self._where,
                next="let it end, and start both from the same release",
            ) from error

    async def send(self, wish: Asked) -> None:
        """Ask for something; where the production is gone, nothing happens."""
        try:
            self._writer.write(encode(wish) + b"\n")
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Stop watching; the production goes on."""
        self._writer.close()


def _connected(run_directory: Path) -> socket.socket:
    feed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(run_directory) as address:
            feed.connect(address)
    except OSError:
        feed.close()
        raise
    return feed
