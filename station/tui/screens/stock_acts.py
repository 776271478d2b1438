"""Blanks and forms are taken in, counted, and said to be gone."""

from __future__ import annotations

from textual import work

from batch.life.dispatch.blanks import Line
from batch.model.forms import Form
from batch.people.separation import Act
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.dialogs.form import Field
from station.tui.dialogs.form import Form as Lines
from station.tui.dialogs.picking import PickFile
from station.tui.lists_screen import ListsScreen
from station.tui.words import _


class StockActs(ListsScreen):
    """The acts on blanks and forms."""

    def _blank(self) -> Line | None:
        row = self.table.chosen
        return row if isinstance(row, Line) else None

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_receive(self) -> None:
        """Take a delivery of blanks in."""
        if not await self.may(Act.KEEP_BLANKS, where="blanks"):
            return
        title, here = _("Blanks came in"), self._blank()
        ways = [
            (_("Their serials go from one to another"), "range"),
            (_("Their serials are in a file, one a line"), "file"),
            (_("Only their number is known"), "count"),
        ]
        way = await self.app.push_screen_wait(Choose(title, ways))
        if way is None:
            return
        path = None
        if way == "file":
            path = await self.app.push_screen_wait(PickFile(title, self.station.folder, (".txt", ".csv")))
            if path is None:
                return
        fields = [
            Field("lot", _("Lot"), hint=_("as on the delivery"), needed=True),
            Field("driver", _("Driver"), here.driver if here else await self._driver(), needed=True),
            Field("model", _("Model"), here.model if here else "", needed=True),
        ]
        if way == "range":
            fields += [
                Field("first", _("First serial"), hint=_("scan it"), needed=True),
                Field("last", _("Last serial"), hint=_("scan it"), needed=True),
            ]
        elif way == "count":
            fields.append(Field("count", _("How many"), needed=True))
        typed = await self.app.push_screen_wait(Lines(title, fields, _("Take in")))
        if typed is None:
            return
        what: tuple[str, ...] = ("--count", typed.get("count", ""))
        if way == "range":
            what = ("--range", typed["first"], typed["last"])
        elif way == "file":
            what = ("--serials", str(path))
        named = ("--driver", typed["driver"], "--model", typed["model"])
        await self.act(title, "stock", "blanks", "receive", typed["lot"], *named, *what)
        self.show_list("blanks")

    async def _driver(self) -> str:
        """The driver of the desk's seats, where they have one."""
        drivers = await self.read(lambda desk, _records: {one.driver for one in desk.configuration.seats})
        return drivers.pop() if len(drivers) == 1 else ""

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_count(self) -> None:
        """Put on record how many blanks of a driver lie in the drawer."""
        row = self.chosen_in("blanks")
        if not isinstance(row, Line) or not await self.may(Act.KEEP_BLANKS, where=row.driver):
            return
        title = _("Count the blanks of driver {driver}").format(driver=row.driver)
        field = Field("count", _("They are"), needed=True)
        typed = await self.app.push_screen_wait(Lines(title, (field,), _("Counted")))
        if typed is not None:
            count = ("stock", "blanks", "count", typed["count"], "--driver", row.driver)
            await self.act(title, *count, show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_leave(self) -> None:
        """Put on record that unused blanks went back or are lost."""
        row = self.chosen_in("blanks")
        if not isinstance(row, Line) or not await self.may(Act.KEEP_BLANKS, where=row.driver):
            return
        title = _("Blanks leave the stock unused")
        ways = [
            (_("They go back to their maker"), "--returned"),
            (_("They are written off"), "--written-off"),
        ]
        how = await self.app.push_screen_wait(Choose(title, ways))
        if how is None:
            return
        label, hint = (_("Serials"), _("with blanks between")) if row.lot else (_("How many"), "")
        fields = (
            Field("lot", _("Lot"), row.lot or "", needed=True),
            Field("which", label, hint=hint, needed=True),
            Field("reason", _("Why"), needed=True),
        )
        typed = await self.app.push_screen_wait(Lines(title, fields, _("Go on")))
        if typed is None:
            return
        lot, which = typed["lot"], typed["which"]
        text = _("{which} of lot {lot} are in stock no more.").format(which=which, lot=lot)
        if not await self.app.push_screen_wait(TypedConfirmation(title, text, lot, _("They are gone"))):
            return
        serials = [word for one in which.split() for word in ("--serial", one)]
        what = serials if row.lot else ["--count", which]
        named = ("--driver", row.driver, how, *what, "--reason", typed["reason"])
        await self.act(title, "stock", "blanks", "leave", lot, *named)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_receive_forms(self) -> None:
        """Take a delivery of numbered forms in."""
        if not await self.may(Act.KEEP_FORMS, where="forms"):
            return
        title = _("Forms came in")
        fields = (
            Field("first", _("First number"), hint=_("scan it"), needed=True),
            Field("last", _("Last number"), hint=_("scan it"), needed=True),
            Field("delivery", _("Delivery note"), hint=_("may be left out")),
        )
        typed = await self.app.push_screen_wait(Lines(title, fields, _("Take in")))
        if typed is None:
            return
        note = ("--delivery", typed["delivery"]) if typed["delivery"] else ()
        await self.act(title, "letter", "forms", "receive", typed["first"], typed["last"], *note)
        self.show_list("ranges")

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_spoil(self) -> None:
        """Say that forms without a letter are spoiled or missing."""
        if not await self.may(Act.KEEP_FORMS, where="forms"):
            return
        title = _("Forms without a letter")
        ways = [(_("They are torn, or were used up"), "spoil"), (_("They cannot be found"), "missing")]
        fate = await self.app.push_screen_wait(Choose(title, ways))
        if fate is None:
            return
        typed = await self._named(title)
        if typed is not None:
            named, reason = typed
            await self.act(title, "letter", "forms", fate, *named.split(), "--reason", reason)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_destroy(self) -> None:
        """Say that spoiled forms are destroyed before a witness."""
        if not await self.may(Act.KEEP_FORMS, where="forms"):
            return
        title = _("Destroy spoiled forms")
        typed = await self._named(title)
        witness = typed and await self.partner(Act.WITNESS)
        if not typed or not witness:
            return
        named, reason = typed
        text = _("They are destroyed before {witness}.").format(witness=witness)
        if await self.app.push_screen_wait(TypedConfirmation(title, text, named, _("Destroyed"))):
            destroy = ("letter", "forms", "destroy", *named.split())
            await self.act(title, *destroy, "--witness", witness, "--reason", reason)

    async def _named(self, title: str) -> tuple[str, str] | None:
        """Which forms, and why."""
        row = self.table.chosen
        begun = str(row.number) if isinstance(row, Form) else ""
        fields = (
            Field("forms", _("Forms"), begun, _("A-0001 or A-0001..A-0010"), needed=True),
            Field("reason", _("What was seen"), needed=True),
        )
        typed = await self.app.push_screen_wait(Lines(title, fields, _("Go on")))
        return (typed["forms"], typed["reason"]) if typed is not None else None
