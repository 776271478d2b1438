"""Those who get the tokens: they open them with other people's programs and the codes of a letter.

Codes reach the programs by their environment only, so that no failing test shows one.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drivers.secret import Secret
from simulators.bench import Bench
from tests.bench.clients import SELECT_PIV, reader_of, run

Done = subprocess.CompletedProcess[str]

FACTORY_PIN = Secret.text("123456")
FACTORY_PUK = Secret.text("12345678")
FACTORY_MANAGEMENT_KEY = ":".join(["01:02:03:04:05:06:07:08"] * 3)
MESSAGE = b"what the holder signs"

VERIFY_FACTORY_PIN = "0020008008" + "313233343536FFFF"
RESET_WITH_FACTORY_PUK = "002C008010" + "3132333435363738" + "373737373737FFFF"
"""RESET RETRY COUNTER, which would make 777777 the PIN."""


def opensc_module() -> str:
    """OpenSC's PKCS#11 module."""
    found = sorted(Path("/usr/lib").glob("*/opensc-pkcs11.so"))
    assert found, "opensc-pkcs11 is missing: run `make setup`"
    return str(found[0])


def other_than(pin: Secret) -> Secret:
    """A wrong PIN."""
    return Secret.text("702816" if pin != Secret.text("702816") else "702817")


@dataclass(frozen=True)
class Holder:
    """Somebody in front of one seat with one token in it; files lie in `work`."""

    bench: Bench
    work: Path
    seat: str
    module: str

    ecdsa: ClassVar[tuple[str, ...]] = ("-m", "ECDSA-SHA256", "--signature-format", "openssl")
    what_ecdsa_signs: ClassVar[bytes] = MESSAGE

    def run(self, *command: str, **codes: Secret) -> Done:
        """Run a program; codes are in its environment under their names."""
        shown = {name: code.reveal().decode() for name, code in codes.items()}
        here = {"HOME": str(self.work), "XDG_CACHE_HOME": str(self.work)}
        environment = {**self.bench.seat_environment(self.seat), **here, **shown}
        return run(*command, environment=environment, ok=False)

    def pkcs11(self, *arguments: str, **codes: Secret) -> Done:
        """pkcs11-tool on the token in the seat."""
        return self.run("pkcs11-tool", "--module", self.module, *self.slot(), *arguments, **codes)

    def slot(self) -> tuple[str, ...]:
        """How pkcs11-tool finds the token."""
        return ()

    def sign(self, key: str, pin: Secret, *, rsa: bool = False) -> Done:
        """Log in and sign MESSAGE with the key of this CKA_ID, into the file `signature`."""
        shape = ("-m", "SHA256-RSA-PKCS") if rsa else self.ecdsa
        (self.work / "message").write_bytes(MESSAGE)
        (self.work / "signed").write_bytes(MESSAGE if rsa else self.what_ecdsa_signs)
        (self.work / "signature").unlink(missing_ok=True)
        files = (f"--input-file={self.work}/signed", f"--output-file={self.work}/signature")
        return self.pkcs11("--login", "--pin", "env:PIN", "--sign", "--id", key, *shape, *files, PIN=pin)

    def certificate(self, key: str) -> Path:
        """The certificate beside a key, read from the token, as PEM."""
        der, pem = self.work / "certificate.der", self.work / f"certificate-{key}.pem"
        done = self.pkcs11("--read-object", "--type", "cert", "--id", key, f"--output-file={der}")
        assert done.returncode == 0, done.stderr
        run("openssl", "x509", "-inform", "DER", "-in", str(der), "-out", str(pem))
        return pem

    def signature_verifies(self, certificate: Path) -> bool:
        """Whether openssl verifies what was signed last with this certificate's key."""
        public = self.work / "public.pem"
        run("openssl", "x509", "-in", str(certificate), "-noout", "-pubkey", "-out", str(public))
        files = ("-signature", str(self.work / "signature"), str(self.work / "message"))
        return run("openssl", "dgst", "-sha256", "-verify", str(public), *files, ok=False).returncode == 0

    def signs(self, key: str, pin: Secret, *, rsa: bool = False) -> bool:
        """Whether the PIN opens the key and what it signs verifies with the certificate on the token."""
        done = self.sign(key, pin, rsa=rsa)
        return done.returncode == 0 and self.signature_verifies(self.certificate(key))


class CardHolder(Holder):
    """Somebody with a PIV card and OpenSC."""

    @classmethod
    def at(cls, bench: Bench, work: Path, seat: str) -> CardHolder:
        """In front of this seat."""
        return cls(bench, work, seat, opensc_module())

    def slot(self) -> tuple[str, ...]:
        return ("--slot-description", reader_of(self.bench, self.seat))

    def apdus(self, *apdus: str) -> list[str]:
        """The status words of these APDUs, after PIV was selected."""
        sent = [word for apdu in (SELECT_PIV, *apdus) for word in ("--send-apdu", apdu)]
        told = self.run("opensc-tool", "--reader", reader_of(self.bench, self.seat), *sent)
        assert told.returncode == 0, told.stderr
        return [_word(line) for line in told.stdout.splitlines() if line.startswith("Received")][1:]

    def decrypts(self, key: str, pin: Secret) -> bool:
        """Whether the card decrypts what openssl encrypted (RSA) with the certificate on the card."""
        plain, secret, opened = (self.work / name for name in ("plain", "secret", "opened"))
        plain.write_bytes(MESSAGE)
        recipient = ("-certin", "-inkey", str(self.certificate(key)))
        run("openssl", "pkeyutl", "-encrypt", *recipient, "-in", str(plain), "-out", str(secret))
        files = (f"--input-file={secret}", f"--output-file={opened}")
        done = self.pkcs11(
            "--login", "--pin", "env:PIN", "--decrypt", "--id", key, "-m", "RSA-PKCS", *files, PIN=pin
        )
        assert done.returncode == 0, done.stderr
        return opened.read_bytes() == MESSAGE

    def unblock(self, puk: Secret, pin: Secret) -> Done:
        """RESET RETRY COUNTER by pkcs15-tool."""
        codes = ("--puk", "env:PUK", "--new-pin", "env:NEW")
        reader = ("--reader", reader_of(self.bench, self.seat))
        return self.run("pkcs15-tool", *reader, "--unblock-pin", *codes, PUK=puk, NEW=pin)

    def factory_management_key_opens(self) -> bool:
        """Whether piv-tool authenticates with the management key every card leaves its factory with."""
        path = self.work / "factory-key"
        path.write_text(FACTORY_MANAGEMENT_KEY)
        reader = ("--reader", reader_of(self.bench, self.seat))
        environment = {**self.bench.environment, "PIV_EXT_AUTH_KEY": str(path), "HOME": str(self.work)}
        return run("piv-tool", *reader, "-A", "M:9B:03", environment=environment, ok=False).returncode == 0

    def agrees(self, key: str, pin: Secret) -> bool:
        """Whether card and openssl derive the same secret (ECDH) with the certificate on the card."""
        peer, theirs = self.work / "peer.pem", self.work / "theirs"
        certificate = self.certificate(key)
        public = self.work / "public.pem"
        run("openssl", "x509", "-in", str(certificate), "-noout", "-pubkey", "-out", str(public))
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        run("openssl", "genpkey", *curve, "-out", str(peer))
        run(
            "openssl", "pkey", "-in", str(peer), "-pubout", "-outform", "DER", "-out", f"{self.work}/peer.der"
        )
        derived = ("-inkey", str(peer), "-peerkey", str(public), "-out", str(theirs))
        run("openssl", "pkeyutl", "-derive", *derived)
        files = (f"--input-file={self.work}/peer.der", f"--output-file={self.work}/ours")
        how = ("--derive", "--id", key, "-m", "ECDH1-COFACTOR-DERIVE")
        done = self.pkcs11("--login", "--pin", "env:PIN", *how, *files, PIN=pin)
        assert done.returncode == 0, done.stderr
        return (self.work / "ours").read_bytes() == theirs.read_bytes()


class StickHolder(Holder):
    """Somebody with a USB token and the module of its maker, which leaves hashing to its callers."""

    ecdsa = ("-m", "ECDSA", "--signature-format", "openssl")
    what_ecdsa_signs = hashlib.sha256(MESSAGE).digest()

    @classmethod
    def at(cls, bench: Bench, work: Path, seat: str) -> StickHolder:
        """In front of this seat."""
        return cls(bench, work, seat, str(bench.seat_options(seat)["options"]["module"]))

    def slot(self) -> tuple[str, ...]:
        return ("--slot-index", "0")

    def init_pin(self, so_pin: Secret, pin: Secret) -> Done:
        """C_InitPIN as SO: what the PUK of a letter does on such a token."""
        codes = ("--so-pin", "env:PUK", "--new-pin", "env:NEW")
        login = ("--login", "--login-type", "so")
        return self.pkcs11(*login, "--init-pin", *codes, PUK=so_pin, NEW=pin)


def _word(line: str) -> str:
    """`6983` of `Received (SW1=0x69, SW2=0x83)`."""
    return line.split("SW1=0x")[1][:2] + line.split("SW2=0x")[1][:2]
