"""The exit codes of `station`; docs/command-line.md lists the same."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What became of a command, for scripts; `meaning` says it in a sentence."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """A code with its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "Done."
    INTERNAL = 1, "Something nobody expected; run again with `--debug` and report it."
    USAGE = 2, "The command line was not understood; nothing was done."
    FAULTS_IN_INPUT = 3, "A file given to the command is faulty; nothing was taken from it."
    REFUSED_BY_RULE = 4, "A rule of issuing forbids it, such as that no one person can issue."
    NOT_FOUND = 5, "There is no order, token, letter, layout or file of that name."
    BUSY = 6, "The same work is under way on this home already, such as another production."
    DEVICE = 7, "A reader, token, printer or certificate authority failed."
    PARTIAL = (
        8,
        "Carried out, but some tokens are in quarantine, some letters did not print, or the CA was not told.",
    )
    CONFIGURATION = 9, "The home or `station.toml` is missing, faulty or open to others."
    CHECK_FAILED = (
        10,
        "A check found something wrong: `doctor`, `order assess`, `order report --verify`, `token verify`, "
        "`admin`, `audit verify`.",
    )
    INTERRUPTED = 130, "Stopped by the operator; the same command goes on later."
