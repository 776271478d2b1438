"""An act under way: what it says, what it asks for, how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static
from textual.worker import Worker, WorkerState

from station.conversation.messages import AskNext, AskSecret, AskText, AskYes, Failed, Question
from station.exit_codes import ExitCode
from station.tui.acts import Act, Heard, Outcome, Said
from station.tui.dialogs.base import StationModal
from station.tui.practice.practising import put_in, seat_of
from station.tui.widgets.large_text import LargeText
from station.tui.widgets.secret_field import SecretField
from station.tui.words import N_, _

_FOUND = (ExitCode.CHECK_FAILED, ExitCode.FAULTS_IN_INPUT, ExitCode.REFUSED_BY_RULE)
"""How a check ends that did its work and found something."""

_ERROR = ("station: ", "  next: ")
"""How the lines begin that tell an error, which is told by itself as well."""

_KEPT = 200
"""Lines of talk that are kept on the screen."""


class ActDialog(StationModal[Outcome]):
    """Carries one command out; dismissed with its outcome at once, or when an error was read."""

    # An Enter too many stops nothing: the way to that is Escape, or Tab to its button.
    AUTO_FOCUS = ""
    BINDINGS = [Binding("escape", "leave", N_("Stop"), show=False)]

    class Came(Message):
        """Something came from the act."""

        def __init__(self, heard: Heard) -> None:
            super().__init__()
            self.heard = heard

    def __init__(self, title: str, act: Sequence[str], *, show: bool = False, checks: bool = False) -> None:
        """`show` keeps what was said on the screen until somebody has read it.

        `checks`: whoever opened it tells what a check found, also where it does not hold.
        """
        super().__init__()
        self.heading, self._arguments, self._show = title, tuple(act), show
        self._fine = (ExitCode.OK, *_FOUND) if checks else (ExitCode.OK,)
        self._lines: list[str] = []
        self._asked: Question | None = None
        self._first: bytes | None = None
        self._act: Act | None = None
        self._whose: str | None = None
        self.mode = ""
        """The area it was opened in."""
        self._outcome: Outcome | None = None
        self._declined = False
        self._read = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.heading, classes="dialog--title", markup=False)
            with VerticalScroll(id="talk", can_focus=False):
                yield Static(id="said", markup=False)
            yield Vertical(id="question")
            with Horizontal(classes="dialog--buttons"):
                yield Button(_("Stop"), id="leave", compact=True)

    async def on_mount(self) -> None:
        """Begin it."""
        self.mode, self._whose = self.station.current_mode, self.station.operator
        self.station.under_way.dialogs.add(self)
        await self._wait()
        self._act = self.start()

    def on_screen_resume(self) -> None:
        """Close where there is nothing to be read; only the screen on top can be."""
        if self._read and self._outcome is not None and self.is_current:
            self._read = False
            self.dismiss(self._outcome)

    def on_unmount(self, _event: events.Unmount) -> None:
        """Nobody sees it any more."""
        self.station.under_way.dialogs.discard(self)

    async def left_alone(self) -> None:
        """Whoever began it is logged out: it goes on, and what it asks is declined."""
        if self._asked is not None and self._whose is not None:
            await self._answered(None)

    def start(self) -> Act:
        """Begin the act; a worker called `act` brings its outcome."""
        act = Act(self._arguments, self.station.home, self._heard)
        self.station.under_way.acts[act] = self.heading
        self.run_worker(self._carry_out(act), name="act", exit_on_error=False)
        return act

    async def _carry_out(self, act: Act) -> Outcome:
        try:
            return await act.run()
        finally:
            self.station.under_way.acts.pop(act, None)

    async def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """It ended."""
        if event.worker.name != "act":
            return
        if event.state is WorkerState.SUCCESS:
            outcome = event.worker.result
            assert isinstance(outcome, Outcome)
            await self._ended(outcome)
        elif event.state is WorkerState.ERROR:
            told = Failed(ExitCode.INTERNAL, None, _("The command could not be started."), None)
            await self._ended(Outcome(ExitCode.INTERNAL, "", failed=told))

    async def action_leave(self) -> None:
        """Decline what is asked, stop what runs, or close what ended."""
        if self._outcome is not None:
            self.dismiss(self._outcome)
        elif self._act is not None:
            if self._asked is not None:
                self._declined = True
                await self._answered(None)
            else:
                self._act.stop()

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button says the same as a key."""
        event.stop()
        match event.button.id:
            case "leave":
                await self.action_leave()
            case "go-on":
                asked, seat = self._asked, seat_of(self._arguments)
                if isinstance(asked, AskNext) and asked.about and seat is not None:
                    await put_in(self.station, seat, asked.about)
                if asked is not None and asked is self._asked:
                    await self._answered("yes" if isinstance(asked, AskYes) else "")
            case "no":
                await self._answered("no")

    async def on_secret_field_submitted(self, event: SecretField.Submitted) -> None:
        """A PIN was typed; a new one is typed twice."""
        event.stop()
        question = self._asked
        if not isinstance(question, AskSecret) or self._act is None:
            return
        if question.again:
            typed = event.secret.reveal()
            if self._first is None:
                self._first = typed
                self._label(_("Once more: {prompt}").format(prompt=question.prompt.strip(" :")))
                return
            alike, self._first = typed == self._first, None
            if not alike:
                self._label(_("The two are not alike. {prompt}").format(prompt=question.prompt.strip(" :")))
                return
        self._act.answer(event.secret)
        await self._wait()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """A line was typed."""
        event.stop()
        if event.value.strip():
            await self._answered(event.value.strip())

    async def on_act_dialog_came(self, event: Came) -> None:
        """Show what came, one after the other."""
        if isinstance(event.heard, Said):
            self._tell([*self._lines, event.heard.text][-_KEPT:])
        elif isinstance(event.heard, AskSecret | AskText | AskYes | AskNext):
            await self._ask(event.heard)

    def _tell(self, lines: list[str]) -> None:
        self._lines = lines
        self.query_one("#said", Static).update(Text("\n".join(self._lines)))
        self.query_one("#talk", VerticalScroll).scroll_end(animate=False)

    def _heard(self, heard: Heard) -> None:
        self.post_message(self.Came(heard))

    async def _ask(self, question: Question) -> None:
        if self._whose is not None and self._whose != self.station.operator:
            # Nobody answers in the name of who was there.
            await self._answered(None)
            return
        self._asked, self._first = question, None
        room = self.query_one("#question", Vertical)
        await room.remove_children()
        answer = _field(question)
        shown: list[Widget] = [Label(question.prompt.strip(" :"), id="prompt", markup=False)]
        if isinstance(question, AskNext) and question.about:
            shown.append(LargeText(question.about, id="about"))
        # All at once and the focus with it: whoever reads the question may type at that moment.
        await room.mount(*shown, answer)
        self.set_focus(answer.query(Button).first() if isinstance(answer, Horizontal) else answer)
        self.station.call_attention()

    def _label(self, text: str) -> None:
        self.query_one("#prompt", Label).update(Text(text))

    async def _answered(self, value: str | None) -> None:
        if self._act is not None:
            self._act.answer(value)
        await self._wait()

    async def _wait(self) -> None:
        self._asked = self._first = None
        self.set_focus(None)
        await self.query_one("#question", Vertical).remove_children()

    async def _ended(self, outcome: Outcome) -> None:
        self._outcome = outcome
        fine = outcome.code in self._fine and outcome.failed is None and not self._show
        # Whoever would not answer knows why nothing was done.
        self._read = fine or (self._declined and outcome.code == ExitCode.INTERRUPTED)
        if self._read:
            self.on_screen_resume()
            return
        failed = outcome.failed
        room = self.query_one("#question", Vertical)
        await room.remove_children()
        if not room.is_attached:  # the screen is being left
            return
        if failed is not None:
            self._tell([line for line in self._lines if not line.startswith(_ERROR)])
            where = f"{failed.where}: " if failed.where else ""
            labels = [Label(f"✗ {where}{failed.what}", classes="failed", markup=False)]
            if failed.next:
                labels.append(Label(_("Next: {what}").format(what=failed.next), markup=False))
            await room.mount(*labels)
        button = self.query_one("#leave", Button)
        button.label = _("Close")
        button.refresh(layout=True)
        button.focus()


def _field(question: Question) -> Widget:
    """Where a question is answered: a field, or buttons of which the safe one comes first."""
    if isinstance(question, AskSecret):
        return SecretField(id="secret")
    if isinstance(question, AskText):
        return Input(id="text")
    if isinstance(question, AskYes):
        no = Button(_("No"), id="no", compact=True)
        yes = Button(_("Yes"), id="go-on", variant="error", compact=True)
        return Horizontal(no, yes, classes="dialog--buttons")
    go_on = Button(_("Done, go on"), id="go-on", variant="primary", compact=True)
    return Horizontal(go_on, classes="dialog--buttons")
