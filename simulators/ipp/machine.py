"""Starting CUPS' `ippeveprinter` in the bench's namespaces, with the D-Bus and Avahi it cannot do without.

It listens on every address and announces itself: in a network namespace of its own nobody hears that. Its
files lie in a tmpfs that ends with the bench; the pages its engine keeps do not.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.namespaces import cover, raise_loopback, replace_file
from simulators.faults.plan import Plan
from simulators.ipp import questions
from simulators.ipp.relay import open_relay

_PLACE = Path("/run/avahi-daemon")
"""Where Avahi wants to write; the rest is put beside."""

_PROGRAMS = {"ippeveprinter": "cups-ipp-utils", "dbus-daemon": "dbus", "avahi-daemon": "avahi-daemon"}
_STARTS, _WITHIN = 5, 20.0
_BETWEEN_LOOKS = 0.02

_BUS = """\
<!DOCTYPE busconfig SYSTEM "busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={place}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""

_AVAHI = """\
[server]
use-ipv6=no
allow-interfaces=lo
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
"""


def start(layout: Layout, plan: Plan) -> None:
    """Start the printer and the relay that leads to it; returns when it answers. Raises `BenchError`."""
    programs = {name: _found(name) for name in _PROGRAMS}
    raise_loopback()
    cover(_PLACE, layout.directory)
    _PLACE.mkdir(exist_ok=True)
    _as_avahi_wants()
    bus, avahi, marker = _PLACE / "bus.conf", _PLACE / "avahi.conf", _PLACE / "foreign"
    bus.write_text(_BUS.format(place=_PLACE))
    avahi.write_text(_AVAHI)
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={_PLACE}/bus"}
    in_own_space = ("--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title")
    for command in (
        [programs["dbus-daemon"], f"--config-file={bus}", "--fork"],
        [programs["avahi-daemon"], "--daemonize", f"--file={avahi}", *in_own_space],
    ):
        # Both return once they serve.
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            raise BenchError(f"{Path(command[0]).name} did not start", next=f"look into {layout.log}")
    _certificate(layout)
    command = [
        *(programs["ippeveprinter"], "-n", "localhost", "-p", str(questions.PORT)),
        *("-K", str(_PLACE), "-d", str(_PLACE), "-D", "file:///dev/null", "-f", "application/pdf"),
        *("-c", str(_engine(layout, marker)), "Bench"),
    ]
    _await(command, environment, layout)
    open_relay(layout.printer, plan, marker)


def _found(program: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        raise BenchError(f"{program} is not installed", next=f"sudo apt install {_PROGRAMS[program]}")
    return found


def _as_avahi_wants() -> None:
    """Give Avahi's user the only number there is in this namespace, in files nobody else sees."""
    for name, fields in (("passwd", r"\d+:\d+"), ("group", r"\d+")):
        file, ours = Path("/etc") / name, _PLACE / name
        zeros = ":".join("0" for _ in fields.split(":"))
        text, changed = re.subn(rf"(?m)^(avahi:[^:]*):{fields}:", rf"\g<1>:{zeros}:", file.read_text())
        if not changed:
            raise BenchError("there is no user for Avahi", next="sudo apt install avahi-daemon")
        ours.write_text(text)
        ours.chmod(0o644)
        replace_file(file, ours)


def _engine(layout: Layout, marker: Path) -> Path:
    """The command that is run for each job."""
    script = _PLACE / "engine"
    words = [sys.executable, "-m", "simulators.ipp.engine", str(layout.directory), str(marker)]
    script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$1"\n')
    script.chmod(0o700)
    return script


def _certificate(layout: Layout) -> None:
    """Make the printer a key and a certificate of its own, as real ones do, under names CUPS looks for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Bench printer")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(questions.HOST))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (_PLACE / "localhost.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    for place in (_PLACE / "localhost.crt", layout.printer_certificate):
        place.write_bytes(made)


def _await(command: list[str], environment: dict[str, str], layout: Layout) -> None:
    """Start it until it stays; it dies of Avahi's client where that is not wholly awake."""
    until = time.monotonic() + _WITHIN
    for _ in range(_STARTS):
        started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while started.poll() is None and time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex((questions.HOST, questions.PORT)) == 0:
                    return
            time.sleep(_BETWEEN_LOOKS)
    raise BenchError("ippeveprinter did not start", next=f"look into {layout.log}")
