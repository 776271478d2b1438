"""The custody token in a process of its own, opened by officers together for one thing (R7).

Only here a PIN of the custody token is drawn, split, joined and shown to the token. The process makes keys of
its own when it starts: officers hand their shares over to one, and with the other it signs what it did, so
that the officers' statement, which names both, vouches for that as well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.audit.chain import canonical
from batch.custody.recovery import admin_for
from batch.custody.shares import join, split
from batch.model.codes import Binding, SealedCodes
from batch.model.custody import Opening, Outcome, RoomKeys, ShareSet
from batch.model.errors import BatchError, NotTrusted, Refused
from batch.people.register import NOTE, Register, Trust, grown, replay
from batch.people.separation import Act
from batch.people.statements import Statement, digest, read
from batch.people.vouching import outcome_message
from drivers.errors import AuthenticationFailed, Blocked, DriverError
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret

PRINTING, RECOVERING = "printing", "recovering"
"""What custody is opened for besides ceremonies: letters of an order, the admin credential of a token."""

_SETS = "shares"
"""The name under which the custody token carries its share sets, for whoever lost the records."""


class CustodyRoom:
    """Serves the custody token to the desk, which sees nothing but what is sealed or signed.

    One process is opened once, for what the officers' statement says. Every method raises `DriverError`.
    """

    def __init__(self, module: str, label: str) -> None:
        self._module, self._label = module, label
        self._agreement = ec.generate_private_key(ec.SECP256R1())
        self._signing = ec.generate_private_key(ec.SECP256R1())
        self._vault: Vault | None = None
        self._pin: Secret | None = None
        self._drawn: tuple[Secret, ShareSet] | None = None
        self._for: tuple[Statement, str] | None = None

    def keys(self) -> RoomKeys:
        """The public halves of this process's own keys."""
        return RoomKeys(_spki(self._agreement), _spki(self._signing))

    def state(self) -> bool | None:
        """Whether the custody token has a PIN; None where there is no token."""
        return Vault.state(self._module, self._label)

    def carried(self) -> tuple[ShareSet, ...]:
        """The share sets that the token carries."""
        found = map(ShareSet.of_note, Vault.shown(self._module, self._label, _SETS))
        return tuple(one for one in found if one is not None)

    def draw(self, station: str, officers: Mapping[str, bytes], threshold: int) -> ShareSet:
        """Draw a PIN and split it among these officers, by name and agreement key (SPKI, DER)."""
        with crossing():
            self._drawn = split(station, officers, threshold)
        return self._drawn[1]

    def create(self, opening: Opening) -> Outcome:
        """Make the token with the PIN that was drawn, as the officers' statement says.

        Raises `NotBlank` where it has a PIN already.
        """
        with crossing():
            statement, register = self._granted(opening, None)
            pin, shares = self._drawn_for(statement, "make")
            # Nobody keeps this SO PIN: whoever had it could give the token a new user PIN and open all.
            so_pin = Secret.text(secrets.token_hex(16))
            self._vault = Vault.create(self._module, self._label, so_pin, pin)
            self._vault.show(_SETS, shares.note())
            self._trust(register)
        return self._outcome({"set": shares.digest, "officers": list(shares.officers)})

    def open(self, opening: Opening) -> str:
        """Join the shares, open the token, and look whether who is there may; the name of the set it was.

        A PIN is tried only where the shares fit together, and never for its last try. Raises also where the
        register does not go on from the one the token knows.
        """
        with crossing():
            name, pin, vault = self._opened(opening)
            try:
                note = vault.note(NOTE)
                trust = Trust.of_note(note) if note is not None else None
                _, register = self._granted(opening, trust)
            except BaseException:
                vault.close()
                raise
            self._vault, self._pin = vault, pin
            if trust is None or trust.heads != (register.head,):
                self._trust(register)
        return name

    def open_with_pin(self, pin: Secret, opening: Opening) -> None:
        """Open a token of an older home with the PIN that somebody knew."""
        with crossing():
            _, register = self._granted(opening, None)
            self._vault, self._pin = Vault(self._module, self._label, pin, spare=True), pin
            self._trust(register)

    def prove(self) -> Outcome:
        """That the token was opened."""
        return self._outcome({"opened": self._label})

    def change_pin(self) -> Outcome:
        """Give the token the PIN that was drawn, so that all shares of others are worth nothing."""
        with crossing():
            pin, shares = self._drawn_for(self._statement, "split")
            assert self._pin is not None, "the token was opened with a PIN"
            # First, so that whoever finds the token with this PIN finds the shares of it, too.
            self.vault.show(_SETS, shares.note())
            self.vault.change_pin(self._pin, pin)
            self._pin = pin
        return self._outcome({"set": shares.digest, "officers": list(shares.officers)})

    def settle_sets(self, name: str) -> None:
        """Let the token carry the share set that opens it, and no other."""
        for shares in self.carried():
            if shares.name == name:
                self.vault.take_down(_SETS, but=shares.note())

    def make_keys(self) -> tuple[dict[str, bytes], Outcome]:
        """Make the epochs' keys that the officers' statement names: SPKI (DER) by name."""
        with crossing():
            names = self._about("epochs", "keys")
            made = {str(name): self._made(str(name)) for name in names}
        digests = {name: hashlib.sha256(public).hexdigest() for name, public in made.items()}
        return made, self._outcome({"keys": digests})

    def destroy_key(self) -> Outcome:
        """Destroy the key that the officers' statement names, for good (R42)."""
        with crossing():
            name = str(self._about("destroy", "key"))
            self.vault.destroy(name)
            if name in self.vault.names():
                raise Refused("the key is still there", where=name, next="run this again")
        return self._outcome({"destroyed": name})

    def destroy_again(self, names: tuple[str, ...]) -> Outcome:
        """Destroy keys that are destroyed on record, where a recovered token brought them back."""
        self._about("recover", "backup")
        back = [name for name in names if self.vault.destroy(name)]
        return self._outcome({"destroyed": back, "keys": list(self.vault.names())})

    def admin(self, key_name: str, binding: Binding, sealed: SealedCodes, lane_key: bytes) -> bytes:
        """The admin credential of the token that officers signed for, wrapped to a lane's key (SPKI, DER).

        Raises `DriverError` where the order's custody key is gone, or the codes do not open.
        """
        with crossing():
            self.need_opened_for(RECOVERING, token=binding.mailer_number)
            return admin_for(self.vault.agreement_key(key_name), binding, sealed, lane_key)

    def need_opened_for(self, purpose: str, **about: str) -> None:
        """Raise `NotTrusted` unless the officers who opened it signed for this."""
        wanted = {"for": purpose, **about}
        if {name: self._statement.about.get(name) for name in wanted} != wanted:
            raise NotTrusted(
                "the officers opened custody for something else",
                where=", ".join(about.values()),
                next="let them open it for this",
            )

    @property
    def vault(self) -> Vault:
        """The token, once it is open."""
        if self._vault is None:
            raise DriverError(
                "it was not opened", where=f"token {self._label!r}", next="let its officers open it together"
            )
        return self._vault

    def close(self) -> None:
        """Log out."""
        if self._vault is not None:
            self._vault.close()

    def _opened(self, opening: Opening) -> tuple[str, Secret, Vault]:
        """The token, by the set that opens it: after a split that was cut off either may be in force."""
        failed: Exception | None = None
        joined = list[tuple[str, Secret]]()
        for given in opening.sets:
            try:
                joined.append((given.shares.name, join(given, self._agreement)))
            except BatchError as error:
                failed = failed or error
        for name, pin in joined:
            try:
                return name, pin, Vault(self._module, self._label, pin, spare=True)
            except Blocked:
                raise
            except AuthenticationFailed:
                failed = NotTrusted(
                    "the shares fit together, but the token has another PIN",
                    where=f"token {self._label!r}",
                    next="restore the records that were made last, or recover a backup of the token",
                )
        raise failed or Refused("no share was handed over", where="custody")

    def _granted(self, opening: Opening, trust: Trust | None) -> tuple[Statement, Register]:
        """The officers' statement for this process, signed by enough of them who the register knows."""
        if self._for is not None:
            raise Refused("it was opened before", where="custody", next="begin again")
        register = replay(opening.register) if trust is None else grown(opening.register, trust)
        act = read(opening.signed).act
        if act not in (Act.OPEN_CUSTODY, Act.MANAGE_CUSTODY):
            raise NotTrusted(f"{act} does not open custody", where="custody")
        statement = register.verify(opening.signed, act, at=datetime.now(UTC))
        if statement.about.get("room") != self.keys().digest:
            raise NotTrusted("was signed for another process", where="custody", next="begin again")
        self._for = statement, digest(opening.signed.text)
        return statement, register

    def _trust(self, register: Register) -> None:
        self.vault.keep_note(NOTE, Trust(register.founding, (register.head,)).note())

    @property
    def _statement(self) -> Statement:
        if self._for is None:
            raise DriverError("no officers signed for it", where="custody", next="begin again")
        return self._for[0]

    def _about(self, ceremony: str, key: str) -> Any:
        about = self._statement.about
        if about.get("ceremony") != ceremony or key not in about:
            raise NotTrusted("the officers signed for something else", where="custody", next="begin again")
        return about[key]

    def _drawn_for(self, statement: Statement, ceremony: str) -> tuple[Secret, ShareSet]:
        about = statement.about
        if (
            self._drawn is None
            or about.get("ceremony") != ceremony
            or about.get("set") != self._drawn[1].digest
        ):
            raise NotTrusted("the officers signed for other shares", where="custody", next="begin again")
        return self._drawn

    def _made(self, name: str) -> bytes:
        return self.vault.public_key(name) or self.vault.generate_agreement_key(name)

    def _outcome(self, done: Mapping[str, Any]) -> Outcome:
        assert self._for is not None, "officers signed for it"
        at = datetime.now(UTC).isoformat(timespec="seconds")
        text = canonical({"statement": self._for[1], "at": at, "done": done}).encode()
        return Outcome(text, self._signing.sign(outcome_message(text), ec.ECDSA(hashes.SHA256())))


@contextmanager
def crossing() -> Iterator[None]:
    """What a rule forbids in a process of its own, told as what crosses the pipe whole."""
    try:
        yield
    except BatchError as error:
        raise DriverError(error.what, where=error.where, next=error.next) from None


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
