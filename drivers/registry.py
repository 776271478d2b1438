"""Finds a driver by the name it has in `station.toml`.

The shipped ones are listed here; others announce themselves as entry points of the same groups, so that a
new driver is a package of its own and nothing above has to change.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from drivers.authorities.port import CertificateAuthority, Provision
from drivers.errors import Unsupported

SHIPPED: Mapping[str, Mapping[str, str]] = {
    "station.tokens": {
        "piv": "drivers.piv.driver:PivDriver",
        "pkcs11": "drivers.pkcs11.driver:Pkcs11Driver",
    },
    "station.personal": {
        "piv": "drivers.personal.piv:PersonalPiv",
        "pkcs11": "drivers.personal.pkcs11:PersonalPkcs11",
    },
    "station.authorities": {
        "embedded": "drivers.authorities.embedded:EmbeddedCa",
        "ejbca": "drivers.authorities.remote.ejbca:EjbcaCa",
        "cmp": "drivers.authorities.remote.cmp:CmpCa",
        "est": "drivers.authorities.remote.est:EstCa",
        "offline": "drivers.authorities.offline.driver:OfflineCa",
    },
    "station.printers": {
        "device": "drivers.printers.device:DevicePrinter",
        "ipp": "drivers.printers.ipp:IppPrinter",
        "serial": "drivers.printers.serial_impact:SerialImpactPrinter",
    },
    "station.label_printers": {"zpl": "drivers.printers.zpl:ZplPrinter"},
    "station.scanners": {"serial": "drivers.scanners.serial_line:SerialScanner"},
    "station.feeders": {
        "hands": "drivers.feeders.hands:Hands",
        "commands": "drivers.feeders.commands:CommandFeeder",
    },
}


def find(group: str, name: str) -> Any:
    """The class or function behind `name`; raises `Unsupported` naming those there are."""
    target = SHIPPED[group].get(name)
    if target is None:
        # Loading it costs every lane 3 MB, and no shipped driver needs it.
        from importlib.metadata import entry_points

        points = entry_points(group=group)
        if name not in points.names:
            known = ", ".join(sorted({*SHIPPED[group], *points.names}))
            raise Unsupported(f"no driver {name!r} in {group}", next=f"there are: {known}")
        return points[name].load()
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def open_authority(name: str, options: Mapping[str, Any], provision: Provision) -> CertificateAuthority:
    """The CA of a driver's name, for a child process: its options, and what the desk gives every CA."""
    authority: CertificateAuthority = find("station.authorities", name)(options, provision)
    return authority
