"""An impact printer at a serial line: its form comes whole, or is unknown with what had left told (R12)."""

from __future__ import annotations

import os
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drivers.errors import PrinterFailed, Unsupported
from drivers.pages import PageFormat
from drivers.printers.device import DevicePrinter
from drivers.printers.port import Sent, takes
from drivers.printers.serial_impact import SerialImpactPrinter
from drivers.registry import find
from layouts.mailer import check
from simulators.impact_forms import Form
from simulators.impact_printer import Emulation, ImpactPrinter, Mechanism
from tests.contract.rfc2217_port import ModemPort
from tests.unit.impact_kit import GROUP, REST, SPEAKS, letter, page, stock
from tests.unit.letter_kit import CODES, WORDS

PAGE = page()
LINES = PAGE.count(b"\n") + 1
LOOK = "look what stands on the form, take it out, set top of form anew, then account for it"


def driver(port: str, **more: object) -> SerialImpactPrinter:
    return SerialImpactPrinter(
        {
            "port": port,
            "speaks": "escp-24",
            "baud": 115_200,
            "settle_seconds": 0.2,
            "form_seconds": 30,
            **more,
        }
    )


def once(held: threading.Event, then: Callable[[], None]) -> threading.Thread:
    """Who does something as soon as the printer holds the line."""

    def act() -> None:
        assert held.wait(30)
        then()

    return threading.Thread(target=act)


@pytest.fixture
def printer() -> Iterator[ImpactPrinter]:
    made = ImpactPrinter("escp-24", REST)
    yield made
    made.close()


@pytest.mark.parametrize("speaks", SPEAKS)
def test_forms_come_out_as_they_were_meant_and_what_left_is_counted(speaks: Emulation) -> None:
    with closing(ImpactPrinter(speaks, REST)) as printer:
        with closing(driver(printer.device, speaks=speaks)) as one:
            assert takes(one) is PageFormat(speaks)
            made = page(speaks)
            check(made, GROUP, letter(), CODES, takes(one))
            assert one.ready() is None
            for _ in range(2):
                assert one.print_page(made, "000317") == Sent(octets=len(made), lines=LINES)
            assert printer.wait(lambda mechanism: mechanism.y == REST + 2 * stock().height)
        forms = [Form(stock(), printer.mechanism.strikes, index) for index in (0, 1)]
        assert forms[0].inner() == forms[1].inner()
        assert not any(word in " ".join(forms[0].outer()) for word in WORDS.values())


def test_a_printer_that_holds_the_line_for_a_while_loses_nothing() -> None:
    with closing(ImpactPrinter("escp-24", REST, paper=200)) as printer:
        with closing(driver(printer.device)) as one:
            loading = once(printer.held, printer.load)
            loading.start()
            assert one.print_page(PAGE, "000317") == Sent(octets=len(PAGE), lines=LINES)
            loading.join(30)
            assert printer.wait(lambda mechanism: mechanism.y == REST + stock().height)
        assert printer.mechanism.strikes
        assert printer.arrived == len(PAGE)


def test_a_printer_that_stays_stopped_leaves_its_form_unknown_and_nothing_more_leaves() -> None:
    with closing(ImpactPrinter("escp-24", REST, paper=200)) as printer:
        with (
            closing(driver(printer.device, form_seconds=1, settle_seconds=15)) as one,
            pytest.raises(PrinterFailed, match=r"XOFF\): out of paper, off line or busy") as stopped,
        ):
            one.print_page(PAGE, "000317")
        assert stopped.value.sent is not None
        assert 200 <= stopped.value.sent <= len(PAGE)
        assert f"of {LINES} lines, {stopped.value.sent} of {len(PAGE)} bytes" in stopped.value.what
        assert stopped.value.next == LOOK
        assert stopped.value.where == "000317"
        assert printer.arrived <= stopped.value.sent
        assert not any(word in str(stopped.value) for word in WORDS.values())


def test_paper_that_ends_after_the_last_byte_is_noticed_while_it_prints() -> None:
    with (
        closing(ImpactPrinter("escp-24", REST, paper=len(PAGE) - 1)) as printer,
        closing(driver(printer.device, form_seconds=1, settle_seconds=15)) as one,
        pytest.raises(PrinterFailed, match=f"after {LINES} of {LINES} lines") as stopped,
    ):
        one.print_page(PAGE, "000317")
    assert stopped.value.sent == len(PAGE)


def test_one_that_is_stopped_before_the_form_gets_nothing_and_can_go_on(printer: ImpactPrinter) -> None:
    with closing(driver(printer.device, form_seconds=0.5)) as one:
        assert one.ready() is None
        printer.hold()
        assert one.ready() == (
            "it has stopped the line (XOFF): out of paper, off line or busy; put it right and on line"
        )
        with pytest.raises(PrinterFailed, match="stopped the line") as stopped:
            one.print_page(PAGE, "000317")
        assert stopped.value.sent == 0
    assert printer.arrived == 0


def test_a_stopped_printer_is_ready_again_once_it_says_so(printer: ImpactPrinter) -> None:
    with closing(driver(printer.device)) as one:
        assert one.ready() is None
        printer.hold()
        assert one.ready() is not None
        printer.load()
        assert one.ready() is None


def test_a_line_that_takes_nothing_more_is_told_with_its_count() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    try:
        with (
            closing(driver(os.ttyname(theirs), baud=921_600, form_seconds=1)) as one,
            pytest.raises(PrinterFailed, match="takes nothing more") as stopped,
        ):
            one.print_page(b"x\r\n" * 10_000, "000317")
        assert stopped.value.sent
        assert stopped.value.sent < 30_000
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_printer_that_is_not_there_or_is_another_s_is_told(printer: ImpactPrinter, tmp_path: Path) -> None:
    with closing(driver(str(tmp_path / "ttyS9"))) as one:
        reason = one.ready()
        assert reason is not None
        assert "check the cable, who else uses the port, and its name in station.toml" in reason
        with pytest.raises(PrinterFailed) as failed:
            one.print_page(PAGE, "000317")
        assert failed.value.sent == 0
    with closing(driver(printer.device)) as one, closing(driver(printer.device)) as other:
        assert one.ready() is None
        assert "who else uses the port" in (other.ready() or "")


def test_a_form_never_rests_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "forms.prn"
    file.touch()
    with closing(driver(str(file))) as one, pytest.raises(PrinterFailed) as failed:
        one.print_page(PAGE, "000317")
    assert failed.value.sent == 0
    assert file.read_bytes() == b""


def test_a_port_without_modem_lines_says_so(printer: ImpactPrinter) -> None:
    with closing(driver(printer.device, flow=["dsr"])) as one:
        assert "no modem lines; take dsr and cts out of `flow`" in (one.ready() or "")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"port": "socket://printer.example:9100"}, r"by rfc2217:// of this machine only \(R9\)"),
        ({"port": "rfc2217://printer.example:2217"}, r"of this machine only \(R9\)"),
        ({"flow": []}, "without flow control nobody would notice"),
        ({"speaks": "pcl"}, "pcl"),
        ({"bauds": 9600}, "bauds"),
        ({"form_seconds": 1000}, "100"),
    ],
)
def test_wrong_options_are_told_by_name(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        driver(**{"port": "/dev/ttyS0", **wrong})  # type: ignore[arg-type]


def test_it_is_found_by_its_name_and_other_printers_take_pdf() -> None:
    assert find("station.printers", "serial") is SerialImpactPrinter
    assert takes(DevicePrinter({"device": "/dev/usb/lp0"})) is PageFormat.PDF


@pytest.mark.parametrize(("line", "told"), [("dsr", "DSR is low"), ("cts", "CTS is low")])
class TestModemLines:
    """What a printer says by its lines, through pyserial's RFC 2217."""

    def test_a_printer_that_is_busy_for_a_while_loses_nothing(self, line: str, told: str) -> None:
        with closing(ModemPort(Mechanism("escp-24", REST), line, holds_at=200)) as port:
            with closing(driver(port.url, flow=[line])) as one:
                letting = once(port.held, lambda: port.raise_line(True))
                letting.start()
                assert one.print_page(PAGE, "000317") == Sent(octets=len(PAGE), lines=LINES)
                letting.join(30)
                assert port.wait(len(PAGE))
            assert port.taken == len(PAGE)
            assert port.mechanism.faults == []

    def test_a_printer_that_goes_off_line_leaves_its_form_unknown(self, line: str, told: str) -> None:
        with (
            closing(ModemPort(Mechanism("escp-24", REST), line, holds_at=200)) as port,
            closing(driver(port.url, flow=[line], form_seconds=1, settle_seconds=15)) as one,
            pytest.raises(PrinterFailed, match=told) as stopped,
        ):
            one.print_page(PAGE, "000317")
        assert stopped.value.sent is not None
        assert 200 <= stopped.value.sent <= len(PAGE)
        assert stopped.value.next == LOOK

    def test_a_printer_that_is_off_line_gets_nothing(self, line: str, told: str) -> None:
        with closing(ModemPort(Mechanism("escp-24", REST), line)) as port:
            port.raise_line(False)
            with closing(driver(port.url, flow=[line], form_seconds=0.5)) as one:
                assert told in (one.ready() or "")
                with pytest.raises(PrinterFailed, match=told) as stopped:
                    one.print_page(PAGE, "000317")
                assert stopped.value.sent == 0
            assert port.taken == 0


def test_a_server_that_is_gone_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        number = closed.getsockname()[1]
    with closing(driver(f"rfc2217://127.0.0.1:{number}")) as one:
        assert "check the cable" in (one.ready() or "")
