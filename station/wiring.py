"""Puts a desk together from its home and configuration: records, layouts, key tokens, CA, seats, printer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.process import Child, harden
from station.config import Configuration, KeyName, load
from station.errors import ConfigurationError
from station.pins import PinSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager, ExitStack

    from batch.model.orders import Item
    from batch.people.operators import Anchor
    from batch.people.register import Trust
    from batch.production.assignment import Assignment, LaneFacts
    from batch.production.seats import Seat
    from batch.store.database import Records
    from drivers.secret import Secret
    from layouts.library import Library
    from station.asking import Asking
    from station.custody import CustodyProcess
    from station.home import Home
    from station.key_tokens import Made
    from station.operators_seat import OperatorsSeat

_CUSTODY_WAIT = 60.0
"""Seconds to wait for another ceremony, which takes few once its officers have signed."""


@dataclass(frozen=True)
class Desk:
    """One station's parts, each made when first asked for."""

    home: Home
    pins: PinSource
    configuration: Configuration

    @classmethod
    def of(cls, home: Home, pin_fd: int | None, asking: Asking | None = None) -> Desk:
        """The desk of a home; PINs come from `pin_fd` where given, else as configured, or by `asking`."""
        configuration = load(home.configuration)
        return cls(home, PinSource(configuration.keys.pins(), pin_fd, asking=asking), configuration)

    @cached_property
    def library(self) -> Library:
        """The layouts: the site's own before the shipped ones."""
        from layouts.library import Library

        return Library(*self.configuration.layout_folders(self.home.path))

    @contextmanager
    def records(self) -> Iterator[Records]:
        """The records, open for reading."""
        from batch.store.database import Records

        records = Records(self.home.records, self.ledgers)
        try:
            yield records
        finally:
            records.close()

    @contextmanager
    def sound_records(self, *, thorough: bool = False) -> Iterator[Records]:
        """The records, open for writing, having looked whether they are damaged: raises `RecordsDamaged`.

        `thorough` reads every page, which takes seconds for a hundred thousand tokens.
        """
        from batch.audit.soundness import look

        with self.records() as records:
            look(records, thorough=thorough)
            yield records

    @property
    def ledgers(self) -> tuple[Path, ...]:
        """Where copies of the ledger are kept besides the one in the home."""
        return tuple(Path(place) for place in self.configuration.records.ledgers)

    def key_slots(self, layout: str | None) -> dict[str, str]:
        """The keys of a token layout and their slots, or of any where it is None or not there any more."""
        from layouts.errors import LayoutError

        try:
            return {slot.name: slot.slot for slot in self.library.token(layout or "").slots}
        except LayoutError:
            every = (self.library.token(name) for name in self.library.names())
            return {slot.name: slot.slot for token in every for slot in token.slots}

    def seats(self, names: Sequence[str] = ()) -> tuple[Seat, ...]:
        """The configured seats, or those of the given names; raises `ConfigurationError`."""
        from batch.production.calls import Limits
        from batch.production.seats import Seat
        from drivers.registry import find

        chosen = [self.configuration.seat(name) for name in names] or self.configuration.seats
        if not chosen:
            raise ConfigurationError(
                "no seat is configured", where=str(self.home.configuration), next="run `station lanes bind`"
            )
        return tuple(
            Seat(
                seat.name,
                seat.driver,
                seat.options,
                find("station.feeders", seat.feeder)(
                    self.configuration.feeder_options(seat.feeder, seat.feeder_options)
                ),
                seat.environment,
                Limits(seat.answer_seconds, seat.key_seconds, seat.jam_minutes * 60),
            )
            for seat in chosen
        )

    def brief(self, item: Item, facts: LaneFacts) -> Assignment:
        """What a lane is told about an item."""
        from batch.production.briefing import brief

        return brief(item, facts, self.library.token(item.layout))

    @contextmanager
    def keeper(self) -> Iterator[Child]:
        """The bench's own keys, in a process of their own."""
        factory = "batch.custody.keeper:BenchKeys"
        with self._key_process("bench", "bench keys", factory, restartable=True) as child:
            yield child

    @contextmanager
    def diversification(self) -> Iterator[Child]:
        """The diversification keys, in a process of their own; raises `ConfigurationError` without any."""
        if self.configuration.keys.diversification is None:
            raise ConfigurationError(
                "there is no token for diversification keys",
                where=str(self.home.configuration),
                next="make one: `station diversification new`",
            )
        factory = "batch.custody.diversification:DiversificationKeys"
        with self._key_process("diversification", "diversification keys", factory, restartable=True) as child:
            yield child

    def checkpoint(
        self, records: Records, bench_keys: Child, operator: str, *, new_key: bool = False
    ) -> Made:
        """A signed checkpoint of the log, made with the bench's keys."""
        from station.key_tokens import make_checkpoint

        return make_checkpoint(self.home, records, bench_keys, self.configuration, operator, new_key=new_key)

    @contextmanager
    def custody_room(self) -> Iterator[CustodyProcess]:
        """The custody token in a process of its own, for officers to open."""
        with self._custody("custody", "batch.people.custody_room:CustodyRoom") as room:
            yield room

    def custody_alone(self) -> AbstractContextManager[None]:
        """Keeps others from changing the custody token meanwhile; waits for one that does."""
        from batch.production.lock import only_one

        return only_one(self.run_directory / "custody.lock", "ceremony of custody", wait=_CUSTODY_WAIT)

    @contextmanager
    def print_room(self) -> Iterator[CustodyProcess]:
        """The print process: custody token and printer, for officers to open."""
        printer = self.configuration.printer
        if printer is None:
            raise ConfigurationError(
                "no printer is configured", where=str(self.home.configuration), next="add a [printer] table"
            )
        more = (printer.driver, dict(printer.options))
        factory = "batch.letters.printing:PrintRoom"
        with self._custody("print room", factory, more, printer.environment) as room:
            yield room

    @contextmanager
    def authority(self) -> Iterator[Child]:
        """The certificate authority, in a process of its own."""
        from station.setup import provision

        configured, token = self.configuration.authority, self.configuration.keys.ca
        child = Child(
            "ca",
            "drivers.registry:open_authority",
            (configured.driver, dict(configured.options), provision(self.home, token, self._pin("ca"))),
            environment=token.environment,
            restartable=True,
        )
        try:
            yield child
        finally:
            child.close()

    @contextmanager
    def exchange(self) -> Iterator[Child]:
        """The authority where it is reached by files; raises `ConfigurationError` where it is not."""
        from drivers.registry import find

        driver = self.configuration.authority.driver
        if not hasattr(find("station.authorities", driver), "examine"):
            raise ConfigurationError(
                f"the CA ({driver}) is not reached by files",
                where=str(self.home.configuration),
                next='an offline one is: driver = "offline" in [authority]',
            )
        with self.authority() as child:
            yield child

    @property
    def crl_file(self) -> Path | None:
        """Where every new revocation list is written, None where nowhere."""
        configured = self.configuration.authority.crl_file
        return Path(configured) if configured is not None else None

    @cached_property
    def _served(self) -> list[OperatorsSeat]:
        """The operators' seat while it is open."""
        return []

    def present(self, operator: str) -> None:
        """Ask for the token of an operator in the operators' seat, where something feeds it."""
        from drivers.registry import find

        configured = self.configuration.operators
        if configured is not None:
            options = self.configuration.feeder_options(configured.feeder)
            present = getattr(find("station.feeders", configured.feeder)(options), "present", None)
            if present is None:
                raise ConfigurationError(
                    f"the feeder {configured.feeder!r} does not feed the operators' seat",
                    where=str(self.home.configuration),
                    next='say feeder = "hands" in [operators]',
                )
            present(operator)

    @contextmanager
    def operators_seat(self) -> Iterator[OperatorsSeat]:
        """The operators' seat; `present` has a token put in. One process serves it to all of a command.

        Raises `ConfigurationError` where none is configured.
        """
        from station.operators_seat import OperatorsSeat, operators_process

        operators = self.configuration.operators
        if operators is None or operators.driver is None:
            raise ConfigurationError(
                "no operators' seat is configured",
                where=str(self.home.configuration),
                next="add `driver` and `anchors` to [operators]; docs/configuration.md explains them",
            )
        if self._served:
            yield self._served[0]
            return
        child = operators_process(operators)
        self._served.append(OperatorsSeat(operators, child))
        try:
            yield self._served[0]
        finally:
            self._served.clear()
            child.close()

    @contextmanager
    def _custody(
        self,
        name: str,
        factory: str,
        more: tuple[Any, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> Iterator[CustodyProcess]:
        from station.custody import CustodyProcess

        token = self.configuration.keys.custody
        child = Child(
            name,
            factory,
            (token.module, token.token, *more),
            environment={**token.environment, **(environment or {})},
        )
        try:
            yield CustodyProcess(self.home, child)
        finally:
            child.close()

    @contextmanager
    def _key_process(
        self,
        key: KeyName,
        name: str,
        factory: str,
        more: tuple[Any, ...] = (),
        environment: dict[str, str] | None = None,
        restartable: bool = False,
    ) -> Iterator[Child]:
        token = self.configuration.keys.named()[key]
        child = Child(
            name,
            factory,
            (token.module, token.token, self._pin(key), *more),
            environment={**token.environment, **(environment or {})},
            restartable=restartable,
        )
        try:
            yield child
        finally:
            child.close()

    @property
    def passphrases(self) -> bool:
        """Whether operators may have keys under a passphrase instead of a token."""
        return self.configuration.operators is not None and self.configuration.operators.passphrases

    def anchor(self, held: ExitStack) -> Anchor:
        """Keeps in the bench's token what vouches for the register of operators; opens it when needed."""
        from batch.people.register import NOTE
        from station.key_tokens import settle_keys

        keepers: list[Child] = []

        def keep(trust: Trust) -> None:
            if not keepers:
                keepers.append(held.enter_context(self.keeper()))
            keepers[0].ask("keep_note", NOTE, trust.note(), timeout=60)
            settle_keys(self.home)

        return keep

    @property
    def run_directory(self) -> Path:
        """Where lanes and logins keep their locks, and terminals their sessions."""
        path = self.home.path / "run"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @property
    def printing_lock(self) -> Path:
        """Held by whoever prints letters."""
        return self.run_directory / "printing.lock"

    def _pin(self, key: KeyName) -> Secret:
        # A core dump of the desk would hold it.
        harden()
        return self.pins.pin(key)
