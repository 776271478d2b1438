"""Readers and USB sticks are lent, and come back or do not."""

from __future__ import annotations

from datetime import timedelta

from textual import work

from batch.model.dispatch import Device
from batch.model.states import LoanState, ParcelState
from batch.people.separation import Act
from batch.store.clock import now
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.form import Field, Form
from station.tui.lists_screen import ListsScreen
from station.tui.screens.dispatch_reading import LoanRow, ParcelRow
from station.tui.words import _

_LENT_FOR = timedelta(days=365)
"""How long a device is lent where nothing else is typed."""


class LendingActs(ListsScreen):
    """The acts about devices."""

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_lend(self) -> None:
        """Lend a device with the parcel under the cursor, or to a person."""
        if not await self.may(Act.LEND, where="loan"):
            return
        row = self.table.chosen
        parcel = row.number if isinstance(row, ParcelRow) and row.state is ParcelState.PACKING else ""
        title = _("Lend a device")
        kinds = [(_(one), one) for one in Device]
        kind = await self.app.push_screen_wait(Choose(title, kinds))
        if kind is None:
            return
        until = (now() + _LENT_FOR).date().isoformat()
        fields = (
            Field("serial", _("Its own number"), hint=_("scan it"), needed=True),
            Field("to", _("With or to"), parcel, _("a parcel P-… or a person P…"), needed=True),
            Field("until", _("Until"), until, needed=True),
        )
        typed = await self.app.push_screen_wait(Form(title, fields, _("Lend it")))
        if typed is not None:
            whom = ("--to", typed["to"], "--until", typed["until"])
            await self.act(title, "loan", "lend", kind, typed["serial"], *whom)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_end_loan(self) -> None:
        """Say that a device is back or lost, or may stay longer."""
        row = self.chosen_in("loans")
        if not isinstance(row, LoanRow) or not await self.may(Act.LEND, where=row.loan.number):
            return
        one = row.loan
        title = _("{device} {serial}").format(device=_(one.kind), serial=one.serial)
        back = (_("It is back"), "returned")
        ways = {
            LoanState.LENT: [back, (_("It may stay longer"), "extend"), (_("It is lost"), "lost")],
            LoanState.LOST: [(_("It was found: it is back"), "returned")],
        }.get(one.state)
        if ways is None:
            told = _("Loan {number} is {state}.").format(number=one.number, state=_(one.state))
            self.notify(told, severity="warning", markup=False)
            return
        match await self.app.push_screen_wait(Choose(title, ways)):
            case "returned":
                field = Field("note", _("How it came back"), hint=_("such as damaged; may be left out"))
                typed = await self.app.push_screen_wait(Form(title, (field,), _("It is back")))
                if typed is not None:
                    note = ("--note", typed["note"]) if typed["note"] else ()
                    await self.act(title, "loan", "returned", one.number, *note)
            case "extend":
                field = Field("until", _("Until"), one.due_on.isoformat(), needed=True)
                typed = await self.app.push_screen_wait(Form(title, (field,), _("It may")))
                if typed is not None:
                    await self.act(title, "loan", "extend", one.number, "--until", typed["until"])
            case "lost":
                field = Field("reason", _("What is known"), needed=True)
                typed = await self.app.push_screen_wait(Form(title, (field,), _("It is lost")))
                if typed is not None:
                    await self.act(title, "loan", "lost", one.number, "--reason", typed["reason"])
