"""A desk whose CA is elsewhere, over real TLS: a whole run, with all that such a CA answers, and does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.foreign_certificates import load_certificate, shown, spki
from layouts.library import Library
from layouts.profile import EXTENDED_USAGES
from simulators.responders.cmp import REFERENCE, CmpResponder
from simulators.responders.ejbca import CA, EjbcaResponder
from simulators.responders.est import EstResponder
from simulators.responders.issuing import Profile
from simulators.responders.server import Responder, running
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.contract.elsewhere import request

pytestmark = pytest.mark.bench

LAYOUT = "group-usb:p-256"


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=1)


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


def profiles() -> dict[str, Profile]:
    """What a CA must issue for the layout's profiles."""
    token = Library().token(LAYOUT)
    begin = request().template.not_before
    made = {}
    for slot in token.slots:
        file = slot.profile.file
        usages = tuple(EXTENDED_USAGES.get(one, one) for one in file.extended_usage)
        lifetime = file.validity.until(begin) - begin
        made[slot.profile.name] = Profile(
            slot.profile.key_usage(token.algorithm), usages, file.policies, lifetime
        )
    return made


def configured(desk: Desk, driver: str, responder: Responder, **more: object) -> None:
    """Let the desk have this CA; its key is encrypted under the PIN of `ca`."""
    certificate, key = responder.issuer.identity("Issuance desk", desk.pins["ca"].reveal())
    (responder.folder / "desk.pem").write_bytes(certificate)
    (responder.folder / "desk.key").write_bytes(key)
    options = {**responder.options(), "answer_seconds": 30, **more}
    lines = "".join(f"{name} = {_toml(value)}\n" for name, value in options.items())
    table = f'[authority]\ndriver = "{driver}"\n[authority.options]\n{lines}\n'
    desk.configure(lambda text: re.sub(r"\[authority\].*?(?=\n\[keys)", table, text, flags=re.DOTALL))


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)


def certificates(desk: Desk, order: str, state: str = "produced") -> set[bytes]:
    """Those of an order's tokens in a state."""
    rows = desk.rows(
        "SELECT certificate FROM keys JOIN items ON items.id = item_id JOIN orders ON orders.id = order_id "
        "WHERE number = ? AND certificate IS NOT NULL AND items.state = ?",
        order,
        state,
    )
    return {certificate for (certificate,) in rows}


def aside(desk: Desk, order: str) -> dict[str, str]:
    """The tokens of an order in quarantine with the reasons."""
    return {one["number"]: one["reason"] for one in desk.tokens(order, "quarantined")}


def again(desk: Desk, order: str, number: str, *, expect: int) -> None:
    """Take a token up again that was set aside."""
    notes = desk.envelopes("quarantine")
    (card,) = {card for note, card in notes.items() if note.startswith(number)}
    desk.run("quarantine", "resume", number)
    desk.bench.insert("usb-1", card)
    desk.run("produce", order, pins=True, expect=expect)


def an_hour_later(desk: Desk) -> None:
    """As if the time had come at which the CA wants to be asked again."""
    for path in desk.home.glob("ca/exchanges/*.json"):
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "not_before": None}))


def test_an_order_is_made_with_a_ca_behind_est(desk: Desk, tmp_path: Path) -> None:
    made = profiles()
    with running(EstResponder(tmp_path, made)) as ca:
        configured(desk, "est", ca, profiles={name: name for name in made}, crl_url=ca.crl_url)
        order = desk.approved({"group": "Balie", "layout": LAYOUT, "count": "8"})
        # Two keys a token; what is asked again comes up again.
        ca.wrong.extend(["pending", None, None, "die", None, "busy", None, "key", None, None])
        ca.wrong.extend(["refuse", None, None, "fail"])

        ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

        assert "the CA wants to be asked for 000001/authentication/1 again after" in ended.err
        assert "the server is busy: 503 maintenance" in ended.err
        lost, wrong, refused, failed = aside(desk, order).items()
        assert "the CA may have issued a certificate" in lost[1]
        assert f"`station ca settle {lost[0]}/authentication/1`" in lost[1]
        assert "its key is not the token's" in wrong[1]
        assert "400 the registration authority does not know this subject" in refused[1]
        assert "the server failed: 500 internal error" in failed[1]
        assert desk.states(order) == {"produced": 4, "quarantined": 4}
        assert {asked.client for asked in ca.asked} == {"Issuance desk"}

        # Nothing that may have been answered was asked twice.
        issued = {one.public_bytes(Encoding.DER): spki(one) for one in ca.issuer.issued}
        assert len(set(issued.values())) == len(issued)
        unclear = [one["request"] for one in desk.listed_with_pins("ca", "unclear")]
        assert unclear == [f"{number}/authentication/1" for number in (lost[0], failed[0])]
        doctor = json.loads(desk.start("doctor", "--json", operator=None).end().out)
        checks = {one["name"]: one for one in doctor}
        assert (checks["ca"]["state"], checks["ca answers"]["state"]) == ("ok", "warn")
        assert unclear[0] in checks["ca answers"]["found"]

        # Who runs the CA finds the certificate; with it the token goes on.
        key = desk.rows("SELECT public_key FROM keys WHERE item_id = ? LIMIT 1", int(lost[0]))[0][0]
        (found,) = {der for der, public in issued.items() if public == key}
        (tmp_path / "found.pem").write_bytes(load_certificate(found).public_bytes(Encoding.PEM))
        settle = ("ca", "settle", unclear[0])
        by_file = ("--certificate", str(tmp_path / "found.pem"))
        desk.run(*settle, operator="ann", pins=True, expect=ExitCode.USAGE)
        desk.run(*settle, *by_file, pins=True, operator="bob", expect=ExitCode.REFUSED_BY_RULE)
        desk.run(*settle, *by_file, operator="ann", pins=True)
        again(desk, order, lost[0], expect=ExitCode.PARTIAL)
        assert desk.states(order) == {"produced": 5, "quarantined": 3}
        assert found in certificates(desk, order)

        # What is unclear is never told as not issued, and is revoked once it is known.
        serial = desk.listed("quarantine", "show", failed[0])["serial"]
        spoil = ("quarantine", "destroy", failed[0], "--witness", "bob", "--yes", serial, "--no-replacement")
        desk.run(*spoil, pins=True, expect=ExitCode.PARTIAL)
        (waiting,) = [one for one in desk.listed("ca", "revocations") if one["request"] == unclear[1]]
        assert waiting["outcome"].startswith("refused: the CA may have issued")
        key = desk.rows("SELECT public_key FROM keys WHERE item_id = ? LIMIT 1", int(failed[0]))[0][0]
        (last,) = (one for one in ca.issuer.issued if spki(one) == key)
        (tmp_path / "last.der").write_bytes(last.public_bytes(Encoding.DER))
        by_file = ("--certificate", str(tmp_path / "last.der"))
        desk.run("ca", "settle", unclear[1], *by_file, operator="ann", pins=True)
        told = desk.run("ca", "crl", "--no-wait", pins=True, operator=None, expect=ExitCode.PARTIAL)
        assert f"EST cannot revoke: have serial number {last.serial_number:x} revoked at the CA" in told.err
        ca.issuer.revoked[last.serial_number] = None
        desk.run("ca", "crl", "--no-wait", pins=True, operator=None)
        (done,) = [one for one in desk.listed("ca", "revocations") if one["request"] == unclear[1]]
        assert done["outcome"] == f"revoked {last.serial_number:x}"
        assert len(desk.rows("SELECT 1 FROM audit WHERE body LIKE '%ca.settled%'")) == 2
        assert desk.run("audit", "verify").code == ExitCode.OK


def test_an_order_is_made_with_a_ca_behind_ejbca(desk: Desk, tmp_path: Path) -> None:
    made = profiles()
    with running(EjbcaResponder(tmp_path, {f"CA-{name}": profile for name, profile in made.items()})) as ca:
        names = {name: {"certificate_profile": f"CA-{name}", "end_entity_profile": "Groups"} for name in made}
        configured(desk, "ejbca", ca, ca=CA, station="testbureau", profiles=names, doubt_seconds=0)
        order = desk.approved({"group": "Loket", "layout": LAYOUT, "count": "6"})
        # Two keys a token; what was found again is not asked for again.
        ca.wrong.extend([None, None, "die", None, "die-before", None, "twice", "refuse"])
        ca.wrong.extend(["pending", None, None, None])

        ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

        assert "the CA gave no whole answer" in ended.err
        ((number, reason),) = aside(desk, order).items()
        assert "400 the end entity profile does not allow this subject" in reason
        assert desk.states(order) == {"produced": 4, "quarantined": 1, "in-production": 1}
        ((note, card),) = desk.envelopes("waiting").items()
        assert note.endswith("waits for the CA")
        # One certificate a key is on the tokens; the other one is noticed and revoked.
        keys = {spki(load_certificate(one)) for one in certificates(desk, order)}
        assert len(keys) == len(certificates(desk, order)) == 8
        known = certificates(desk, order) | certificates(desk, order, "in-production")
        assert len(ca.issuer.issued) == len(known) + 1 == 10
        assert "the CA issued 1 certificate nobody asked for" in ended.err
        (second,) = {one.public_bytes(Encoding.DER) for one in ca.issuer.issued} - known
        serial = load_certificate(second).serial_number
        assert ca.issuer.revoked == {serial: x509.ReasonFlags.superseded}
        listed = x509.load_pem_x509_crl(desk.run("ca", "crl", pins=True, operator=None).out.encode())
        assert [one.serial_number for one in listed] == [serial]

        assert number in aside(desk, order)
        again(desk, order, number, expect=ExitCode.PARTIAL)
        an_hour_later(desk)
        desk.bench.insert("usb-1", card)
        desk.run("produce", order, pins=True)
        assert desk.states(order) == {"produced": 6}
        assert len(ca.issuer.issued) == 13
        doctor = json.loads(desk.start("doctor", "--json", operator=None).end().out)
        (check,) = [one for one in doctor if one["name"].startswith("ca") and "http" in one["found"]]
        assert (check["state"], ca.url in check["found"]) == ("ok", True)
        ca.away = True
        doctor = json.loads(desk.start("doctor", "--json", operator=None).end().out)
        (check,) = [one for one in doctor if one["name"] == "ca"]
        assert (check["state"], "cannot be reached" in check["found"]) == ("fail", True)
        assert desk.run("audit", "verify").code == ExitCode.OK


def test_an_order_is_made_with_a_ca_behind_cmp(desk: Desk, tmp_path: Path) -> None:
    made = profiles()
    with running(CmpResponder(tmp_path, made)) as ca:
        assert isinstance(ca, CmpResponder)
        # The secret both sides share is the PIN of the CA's token, which is typed.
        (tmp_path / "secret").write_bytes(desk.pins["ca"].reveal())
        paths = {name: name for name in made}
        configured(desk, "cmp", ca, profiles=paths, mac={"reference": REFERENCE}, crl_url=ca.crl_url)
        order = desk.approved({"group": "Balie", "layout": LAYOUT, "count": "6"})
        # Two keys a token; what is asked again comes up again.
        ca.wrong.extend(["pending", None, "die", "busy", None, None, "subject", None, None, "refuse"])

        ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

        assert "the server is busy" in ended.err
        lost, wrong, refused = aside(desk, order).items()
        assert f"`station ca settle {lost[0]}/authentication/1`" in lost[1]
        assert "its subject is" in wrong[1]
        assert "the CA refuses the request: this subject is not known" in refused[1]
        assert desk.states(order) == {"produced": 3, "quarantined": 3}

        # Nothing was asked twice, all that is on a token is confirmed, and what is wrong was revoked.
        issued = {one.public_bytes(Encoding.DER): one for one in ca.issuer.issued}
        assert len({spki(one) for one in issued.values()}) == len(issued) == 8
        assert set(ca.confirmed) == {issued[one].serial_number for one in certificates(desk, order)}
        (mistaken,) = (one.serial_number for one in issued.values() if "Anders" in shown(one.subject))
        assert ca.issuer.revoked == {mistaken: x509.ReasonFlags.superseded}
        doctor = json.loads(desk.start("doctor", "--json", operator=None).end().out)
        checks = {one["name"]: one for one in doctor}
        assert (checks["ca"]["state"], checks["ca answers"]["state"]) == ("ok", "warn")
        assert f"{lost[0]}/authentication/1" in checks["ca answers"]["found"]

        # Who runs the CA finds what was lost, and the token goes on.
        key = desk.rows("SELECT public_key FROM keys WHERE item_id = ? LIMIT 1", int(lost[0]))[0][0]
        (found,) = (one for one in issued.values() if spki(one) == key)
        (tmp_path / "found.pem").write_bytes(found.public_bytes(Encoding.PEM))
        by_file = ("--certificate", str(tmp_path / "found.pem"))
        desk.run("ca", "settle", f"{lost[0]}/authentication/1", *by_file, operator="ann", pins=True)
        again(desk, order, lost[0], expect=ExitCode.PARTIAL)
        assert desk.states(order) == {"produced": 4, "quarantined": 2}
        assert found.public_bytes(Encoding.DER) in certificates(desk, order)
        assert desk.run("audit", "verify").code == ExitCode.OK
