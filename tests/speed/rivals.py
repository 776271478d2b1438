"""What a station is measured beside: the floors, the bare C loop and the shell scripts, on the same bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from station.config import load
from station.home import Home
from tests.speed.desk import PINS, ROOT, SUBJECT, Desk, Run, Span, environment

_HERE = Path(__file__).parent
_FACTORY_KEY = ":".join(["01:02:03:04:05:06:07:08"] * 3)
_EXTENSIONS = """basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
certificatePolicies = 1.3.6.1.4.1.32473.1.1.1
subjectAltName = email:m.measure@example.org
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def floor(desk: Desk, kind: str, seat: str, count: int) -> Run:
    """Tokens made by `floor_pkcs11` or `floor_piv`, in a process of its own."""
    module, bench = f"tests.speed.floor_{kind}", str(desk.bench.layout.directory)
    command = [sys.executable, "-m", module, str(desk.home), bench, seat, str(count)]
    return Run.read(_output(command, desk.bench.seat_environment(seat)))


def bare(desk: Desk, seat: str, count: int) -> Run:
    """Tokens made by the C loop, compiled here."""
    program, blanks = desk.directory / "floor", desk.directory / "blanks"
    subprocess.run(["gcc", "-O2", "-o", str(program), str(_HERE / "floor.c"), "-ldl"], check=True)
    blanks.mkdir(exist_ok=True)
    module = desk.bench.seat_options(seat)["options"]["module"]
    link = desk.bench.layout.seats / seat / "token"
    ca = load(Home(desk.home).configuration).keys.ca.environment["SOFTHSM2_CONF"]
    command = [str(program), module, str(link), str(blanks), ca, str(count)]
    made = Run.read(_output(command, desk.bench.seat_environment(seat), PINS["ca"]))
    shutil.rmtree(blanks)
    return made


def script(desk: Desk, kind: str, seat: str, count: int) -> Run:
    """Tokens made by `script_pkcs11.sh` or `script_piv.sh`, put in and taken out by the bench."""
    ca, work, bench = desk.directory / "script-ca", desk.directory / "script", desk.bench
    if not ca.exists():
        _make_ca(ca)
    work.mkdir(exist_ok=True)
    (work / "factory-key").write_text(_FACTORY_KEY)
    home = {"HOME": str(work), "XDG_CACHE_HOME": str(work), "PIV_EXT_AUTH_KEY": str(work / "factory-key")}
    given = environment({**bench.seat_environment(seat), **home})
    module = [bench.seat_options(seat)["options"]["module"]] if kind == "pkcs11" else []
    spans = []
    for number in range(1, count + 1):
        bench.insert(seat)
        begun = time.time()
        command = ["sh", str(_HERE / f"script_{kind}.sh"), *module, str(ca), str(work), f"{number:06d}"]
        subprocess.run(command, env=given, check=True)
        spans.append(Span("", begun, time.time()))
        bench.eject(seat)
    return Run(tuple(spans))


def _make_ca(folder: Path) -> None:
    """A CA as a script has one: its key in a file."""
    folder.mkdir()
    (folder / "ca.ext").write_text(_EXTENSIONS)
    subject = f"/C={SUBJECT['country']}/O={SUBJECT['subscriber']}/CN=Script CA"
    for command in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key"],
        ["req", "-x509", "-new", "-key", "ca.key", "-subj", subject, "-days", "3652", "-out", "ca.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True)


def _output(command: Sequence[str], more: Mapping[str, str], given: str = "") -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=environment(more), input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
