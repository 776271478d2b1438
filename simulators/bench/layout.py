"""Where a bench keeps its things: one directory, private to its owner."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from simulators.bench.errors import BenchError

_SOCKET_PATH_MAX = 107
"""Bytes a Unix socket's path may have on Linux (unix(7): sun_path of 108 with its closing NUL)."""


def default_directory() -> Path:
    """STATION_BENCH, else `issuance-station/bench` in the user's state directory (XDG base directories)."""
    if chosen := os.environ.get("STATION_BENCH"):
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "issuance-station" / "bench"


@dataclass(frozen=True)
class Layout:
    """The paths inside a bench directory."""

    directory: Path

    @property
    def description(self) -> Path:
        """What runs (JSON); there only while the bench is up."""
        return self.directory / "bench.json"

    @property
    def control(self) -> Path:
        """The daemon's socket: one JSON line asks, one answers."""
        return self.directory / "control.sock"

    @property
    def faults(self) -> Path:
        """There once faults can happen, so that nobody asks the daemon for them without need."""
        return self.directory / "faults"

    @property
    def pcscd(self) -> Path:
        """The socket of the bench's own pcscd, for PCSCLITE_CSOCK_NAME."""
        return self.directory / "pcscd.comm"

    @property
    def cards(self) -> Path:
        """One state file per PIV card, inserted or kept."""
        return self.directory / "cards"

    @property
    def tokens(self) -> Path:
        """One SoftHSM directory per USB token, inserted or kept."""
        return self.directory / "tokens"

    @property
    def seats(self) -> Path:
        """One directory per USB seat with its `softhsm2.conf`."""
        return self.directory / "seats"

    @property
    def module(self) -> Path:
        """The PKCS#11 module of all USB seats: a link to SoftHSM, or to the proxy of a bench for faults."""
        return self.directory / "pkcs11-module.so"

    @property
    def proxy(self) -> Path:
        """The PKCS#11 module that forwards to SoftHSM and fails as told."""
        return self.directory / "pkcs11-proxy.so"

    @property
    def preload(self) -> Path:
        """What LD_PRELOAD must name for faults of disk and clock."""
        return self.directory / "preload.so"

    @property
    def processes(self) -> Path:
        """The faults armed for the station's own processes; there only on a bench for faults."""
        return self.directory / "processes"

    @property
    def struck(self) -> Path:
        """The daemon's socket that hears of every fault that struck (datagrams)."""
        return self.directory / "struck.sock"

    @property
    def trays(self) -> Path:
        """Which tray each kept card or token was put in (JSON lines)."""
        return self.directory / "trays.jsonl"

    @property
    def attestation_root(self) -> Path:
        """Key and certificate of the CA that attests the keys of this bench's cards."""
        return self.directory / "attestation-root.pem"

    @property
    def operators(self) -> Path:
        """The simulated employer's CA and the PINs of operators' tokens."""
        return self.directory / "operators"

    @property
    def printed(self) -> Path:
        """What the simulated printer kept."""
        return self.directory / "printed"

    @property
    def printer(self) -> Path:
        """The Unix socket that leads to the bench's IPP printer."""
        return self.directory / "printer.sock"

    @property
    def printer_certificate(self) -> Path:
        """The certificate of the bench's IPP printer (PEM)."""
        return self.directory / "printer.pem"

    @property
    def log(self) -> Path:
        """What the daemon and its pcscd said."""
        return self.directory / "log"

    def remove_traces(self) -> None:
        """Remove what is there only while the bench is up, or what one that was killed left of it."""
        for path in (self.description, self.control, self.pcscd, self.struck, self.faults, self.printer):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Leave nothing but cards, tokens, pages and the log."""
        self.remove_traces()
        for path in (self.module, self.proxy, self.preload):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.processes, ignore_errors=True)

    def prepare(self) -> None:
        """Make the directory, 0700; raises `BenchError` where it is unfit or not a bench's."""
        where = str(self.directory)
        length = len(os.fsencode(self.control))
        if length > _SOCKET_PATH_MAX:
            raise BenchError(
                f"the path is {length - _SOCKET_PATH_MAX} bytes too long for the sockets inside it",
                where=where,
                next="choose a shorter one with --dir or STATION_BENCH",
            )
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.directory.stat()
        except OSError as error:
            raise BenchError(
                error.strerror or str(error), where=where, next="choose another with --dir"
            ) from error
        if found.st_uid != os.geteuid():
            raise BenchError(
                "the directory belongs to another user", where=where, next="choose another with --dir"
            )
        if any(self.directory.iterdir()) and not self.log.exists():
            raise BenchError(
                "the directory holds other things than a bench",
                where=where,
                next="choose an empty or a new one with --dir",
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            self.directory.chmod(0o700)
        for part in (self.cards, self.tokens, self.seats, self.printed):
            part.mkdir(mode=0o700, exist_ok=True)
        self.log.touch(mode=0o600)
