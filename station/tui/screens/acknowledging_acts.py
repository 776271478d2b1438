"""Acknowledgements are taken in and decided on, and who sent none is reminded."""

from __future__ import annotations

from textual import work

from batch.model.states import AcknowledgementState
from batch.people.separation import Act
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.form import Field, Form
from station.tui.dialogs.picking import PickFile
from station.tui.lists_screen import ListsScreen
from station.tui.screens import dispatch_reading as reading
from station.tui.screens.dispatch_reading import AcknowledgementRow
from station.tui.words import _


class AcknowledgingActs(ListsScreen):
    """The acts about acknowledgements."""

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_acknowledge(self) -> None:
        """Take in what somebody said or wrote."""
        await self.take_in("")

    async def take_in(self, number: str) -> None:
        """Take in what somebody said or wrote, quoting a number."""
        if not await self.may(Act.ACKNOWLEDGE, where=number or "acknowledgement"):
            return
        title = _("A token came")
        fields = (
            Field("number", _("Number quoted"), number, "000123-4821-7", needed=True),
            Field("name", _("Certificate"), hint=_("its name, as they wrote it"), needed=True),
            Field("sender", _("Sender"), hint=_("their e-mail address"), needed=True),
        )
        typed = await self.app.push_screen_wait(Form(title, fields, _("Take in")))
        if typed is None:
            return
        said = ("--name", typed["name"], "--sender", typed["sender"])
        await self.act(title, "acknowledge", "take", typed["number"], *said, show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_mail(self) -> None:
        """Take in all that an e-mail names."""
        if not await self.may(Act.ACKNOWLEDGE, where="e-mail"):
            return
        title = _("An e-mail with acknowledgements")
        path = await self.app.push_screen_wait(PickFile(title, self.station.folder, (".eml",)))
        if path is not None:
            await self.act(title, "acknowledge", "take", "--eml", str(path), show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_decide(self) -> None:
        """Decide on an acknowledgement that is in doubt."""
        row = self.chosen_in("acknowledgements")
        if not isinstance(row, AcknowledgementRow):
            return
        one = row.found
        before = await self.read(lambda _desk, records: reading.before_decision(records, one.id))
        if not await self.may(Act.DECIDE, where=f"acknowledgement {one.id}", before=before):
            return
        if one.state is not AcknowledgementState.WAITING:
            told = _("Acknowledgement {number} is {state}.").format(number=one.id, state=_(one.state))
            self.notify(told, severity="warning", markup=False)
            return
        title = _("Is acknowledgement {number} believed?").format(number=one.id)
        ways = [
            (_("Not yet: leave it waiting"), ""),
            (_("No: nothing of it is believed"), "--reject"),
            (_("Yes: the token came, its letter may go"), "--accept"),
        ]
        doubt = "\n".join(f"! {_(word)}" for word in one.wrong)
        verdict = await self.app.push_screen_wait(Choose(title, ways, doubt))
        if not verdict:
            return
        token: list[str] = []
        if verdict == "--accept" and row.token is None:
            number = await self.app.push_screen_wait(AskLine(title, _("The number of the token it is about")))
            if number is None:
                return
            token = ["--token", number]
        label = _("How was that found out, in a sentence?")
        if reason := await self.app.push_screen_wait(AskLine(title, label)):
            command = ("acknowledge", "decide", str(one.id), verdict, *token, "--reason", reason)
            await self.act(title, *command)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reminders(self) -> None:
        """Write the reminders that are due, about tokens or about what is lent."""
        title = _("Write the reminders that are due")
        ways = [
            (_("About tokens that nobody acknowledged"), "acknowledge"),
            (_("About devices that are lent"), "loan"),
        ]
        about = await self.app.push_screen_wait(Choose(title, ways))
        act = Act.ACKNOWLEDGE if about == "acknowledge" else Act.LEND
        if about is None or not await self.may(act, where="reminders"):
            return
        label = _("Into which folder? Each becomes an .eml file for a mail program.")
        folder = await self.app.push_screen_wait(AskLine(title, label, str(self.station.folder)))
        if folder is not None:
            await self.act(title, about, "reminders", "--mails", folder)
