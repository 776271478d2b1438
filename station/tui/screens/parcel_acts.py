"""What is done with parcels: begun, filled, read, closed, sent, given up."""

from __future__ import annotations

from pathlib import Path

from textual import work

from batch.life.dispatch.reading import unread
from batch.model.states import ParcelState
from batch.people.separation import Act
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.choosing_seats import seat_for
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.form import Field, Form
from station.tui.dialogs.picking import NewFile
from station.tui.dialogs.scan_many import ScanMany
from station.tui.lists_screen import ListsScreen
from station.tui.practice.practising import put_in
from station.tui.screens import dispatch_reading as reading
from station.tui.screens.dispatch_reading import PackRow, ParcelRow
from station.tui.words import _, n_


class ParcelActs(ListsScreen):
    """The acts on the parcel under the cursor, or on the order whose tokens wait."""

    def __init__(self) -> None:
        super().__init__()
        self._courier = ""

    async def _parcel_for(self, *states: ParcelState) -> ParcelRow | None:
        """The parcel that something is done with by who is logged in; says why where there is none."""
        row = self.chosen_in("parcels")
        if not isinstance(row, ParcelRow):
            return None
        before = await self.read(lambda _desk, records: reading.before_dispatch(records, row.number))
        if not await self.may(Act.DISPATCH, where=row.number, before=before):
            return None
        if row.state not in states:
            told = _("Parcel {number} is {state}.").format(number=row.number, state=_(row.state))
            self.notify(told, severity="warning", markup=False)
            return None
        return row

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_new(self) -> None:
        """Begin a parcel for every address of an order, or one."""
        row = self.table.chosen
        order = row.order if isinstance(row, PackRow) else None
        if not await self.may(Act.DISPATCH, where=order or "parcel"):
            return
        if order is None:
            self.show_list("pack")
            self.notify(_("Choose the order to be packed, then press n again."), markup=False)
            return
        title = _("Pack tokens of {order}").format(order=order)
        ways = [
            (_("A parcel for every address, with all that may go"), True),
            (_("One parcel: scan the tokens that go with it"), False),
        ]
        each = await self.app.push_screen_wait(Choose(title, ways))
        if each is None:
            return
        if each:
            outcome = await self.act(title, "dispatch", "new", order, "--each")
        else:
            tokens = await self._scan_tokens(title)
            if not tokens:
                return
            outcome = await self.act(title, "dispatch", "new", order)
            if outcome.done:
                await self.act(title, "dispatch", "add", outcome.output.strip(), *tokens)
        if outcome.done:
            self.show_list("parcels", afresh=True)

    async def _scan_tokens(self, title: str) -> tuple[str, ...]:
        text = _("Scan each token or its envelope: its number or its serial. Enter alone ends it.")
        return await self.app.push_screen_wait(ScanMany(title, text)) or ()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_tokens(self) -> None:
        """Put tokens into a parcel that is packed, or take one out."""
        row = await self._parcel_for(ParcelState.PACKING)
        if row is None:
            return
        title = _("Tokens of parcel {number}").format(number=row.number)
        ways = [
            (_("Put in all that may go to its address"), "ready"),
            (_("Scan those that go in"), "scan"),
            (_("Take one out"), "out"),
        ]
        match await self.app.push_screen_wait(Choose(title, ways)):
            case "ready":
                await self.act(title, "dispatch", "add", row.number, "--ready")
            case "scan":
                if tokens := await self._scan_tokens(title):
                    await self.act(title, "dispatch", "add", row.number, *tokens)
            case "out":
                inside = await self.read(lambda _desk, records: reading.inside(records, row.number))
                which = Choose(_("Which one?"), [(one, one) for one in inside])
                if token := await self.app.push_screen_wait(which):
                    await self.act(title, "dispatch", "remove", row.number, token)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_check(self) -> None:
        """Read every token of a parcel once more, one after the other."""
        row = await self._parcel_for(ParcelState.PACKING)
        if row is None:
            return
        wanted = await self.read(lambda _desk, records: unread(records, row.number))
        if not wanted:
            none = _("Every token of parcel {number} was read: c closes it.") if row.tokens else None
            told = none or _("Nothing is in parcel {number}: t puts tokens in.")
            self.notify(told.format(number=row.number), markup=False)
            return
        title = _("Read the tokens of parcel {number}").format(number=row.number)
        text = n_("{number} token is to be read.", "{number} tokens are to be read.", len(wanted))
        seat = await seat_for(self, text, {one.token_driver or "" for one in wanted})
        if seat is None:
            return
        driver = await self.read(lambda desk, _records: desk.seats((seat,))[0].driver)
        first = next(one.mailer_number for one in wanted if one.token_driver == driver)
        text = _("Put token {token} into seat {seat}.").format(token=first, seat=seat)
        if await self.app.push_screen_wait(Confirm(title, text, _("It is in"))):
            await put_in(self.station, seat, first)
            await self.act(title, "dispatch", "check", row.number, "--seat", seat, "--every", show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_close(self) -> None:
        """Close a parcel and write its papers."""
        row = await self._parcel_for(ParcelState.PACKING)
        if row is None:
            return
        title = _("Close parcel {number}").format(number=row.number)
        if path := await self._papers(title, row.number):
            await self.act(title, "dispatch", "close", row.number, "--papers", str(path))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_papers(self) -> None:
        """Write label, packing list and accompanying letter of a closed parcel again."""
        row = await self._parcel_for(ParcelState.CLOSED, ParcelState.SENT)
        if row is None:
            return
        title = _("Papers of parcel {number}").format(number=row.number)
        if path := await self._papers(title, row.number):
            await self.act(title, "dispatch", "papers", row.number, str(path))

    async def _papers(self, title: str, number: str) -> Path | None:
        return await self.app.push_screen_wait(NewFile(title, self.station.folder, f"{number}.pdf"))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_send(self) -> None:
        """Put on record that a closed parcel goes."""
        row = await self._parcel_for(ParcelState.CLOSED)
        if row is None:
            return
        title = _("Send parcel {number} to {name}").format(number=row.number, name=row.to)
        fields = (
            Field("courier", _("Courier"), self._courier, needed=True),
            Field("reference", _("Its number"), hint=_("scan the courier's label"), needed=True),
        )
        typed = await self.app.push_screen_wait(Form(title, fields, _("It goes")))
        if typed is not None:
            self._courier = typed["courier"]
            courier = ("--courier", typed["courier"], "--reference", typed["reference"])
            await self.act(title, "dispatch", "send", row.number, *courier)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reopen(self) -> None:
        """Open a closed parcel again."""
        row = await self._parcel_for(ParcelState.CLOSED)
        if row is None:
            return
        title = _("Open parcel {number} again").format(number=row.number)
        label = _("Its papers are void, and every token is to be read anew. Why, in a sentence?")
        if reason := await self.app.push_screen_wait(AskLine(title, label)):
            await self.act(title, "dispatch", "reopen", row.number, "--reason", reason)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_cancel(self) -> None:
        """Give up a parcel that was not sent."""
        row = await self._parcel_for(ParcelState.PACKING, ParcelState.CLOSED)
        if row is None:
            return
        title = _("Give up parcel {number}").format(number=row.number)
        reason = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence")))
        if not reason:
            return
        text = _("Its tokens may go with another parcel; its papers are to be destroyed.")
        if await self.app.push_screen_wait(TypedConfirmation(title, text, row.number, _("Give it up"))):
            await self.act(title, "dispatch", "cancel", row.number, "--reason", reason)
