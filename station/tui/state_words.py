"""Words of `batch` that the screen shows: marked here for the catalogues, and told with a sign each."""

from __future__ import annotations

from station.tui.words import N_, _

MARKED = (
    # Orders, their signatures and findings
    N_("received"),
    N_("incomplete"),
    N_("assessed"),
    N_("rejected"),
    N_("closed"),
    N_("verified"),
    N_("not verifiable"),
    N_("ok"),
    N_("warning"),
    N_("refusing"),
    # Subscribers and their people
    N_("named"),
    N_("identified"),
    N_("registered"),
    N_("ended"),
    N_("representative"),
    N_("contact"),
    N_("manager"),
    N_("passport"),
    N_("identity-card"),
    N_("driving-licence"),
    N_("residence-permit"),
    # Items
    N_("planned"),
    N_("in-production"),
    N_("produced"),
    N_("quarantined"),
    N_("spoiled"),
    N_("cancelled"),
    # Letters
    N_("sealed"),
    N_("printing"),
    N_("printed"),
    N_("unknown"),
    N_("confirmed"),
    N_("sent"),
    N_("returned"),
    N_("lost"),
    N_("void"),
    # Finished tokens
    N_("at-desk"),
    N_("dispatched"),
    N_("acknowledged"),
    N_("handed-over"),
    N_("active"),
    N_("damaged"),
    N_("destroyed"),
    N_("activated"),
    N_("unblocked"),
    # Forms
    N_("in-stock"),
    N_("mailed"),
    N_("missing"),
    # Parcels, loans, acknowledgements and how they came
    N_("packing"),
    N_("lent"),
    N_("waiting"),
    N_("accepted"),
    N_("reader"),
    N_("usb-stick"),
    N_("typed"),
    N_("mail"),
    N_("signed"),
    # What operators prove themselves with
    N_("token"),
    N_("passphrase"),
    # Certificates
    N_("valid"),
    N_("expired"),
    N_("revocation-pending"),
    N_("revoked"),
    N_("revocation-refused"),
    # Renewals
    N_("begun"),
    N_("paused"),
    N_("approved"),
    N_("making"),
    N_("ordered"),
    N_("done"),
    # Ways out of quarantine
    N_("resume"),
    N_("reset"),
    N_("destroy"),
    N_("write-off"),
    # What is in doubt about an acknowledgement, and what a renewal waits for
    N_("no number in it"),
    N_("the number is mistyped: its check digit is wrong"),
    N_("the number is not the one that was sent with the token"),
    N_("wrong numbers for this token came before, or others beside it"),
    N_("the certificate's name is not in it"),
    N_("the sender is not the certificate's registered manager"),
    N_("the token was not dispatched, or is not on its way"),
    N_("the signature does not hold"),
    N_("who had the token in hand took it in, and nothing proves its sender"),
    N_("no person sent it: it is an automatic answer"),
    N_("payment"),
    N_("approval"),
    # Roles
    N_("order officer"),
    N_("approver"),
    N_("personaliser"),
    N_("dispatcher"),
    N_("pin officer"),
    N_("revocation officer"),
    N_("administrator"),
    N_("auditor"),
)

_SIGNS = {
    "✓": "produced sent acknowledged handed-over active confirmed valid done approved closed registered ok "
    "identified verified accepted",
    "▶": "in-production printing dispatched making packing lent",
    "‖": "at-desk sealed paused",
    "!": "quarantined unknown returned revocation-pending revocation-refused incomplete named warning "
    "waiting",
    "✗": "spoiled cancelled lost void damaged destroyed revoked expired rejected refusing ended missing",
}
_SIGN = {state: sign for sign, states in _SIGNS.items() for state in states.split()}


def told(state: str | None) -> str:
    """A state with its sign, such as `✓ active`; nothing for None."""
    if state is None:
        return ""
    return f"{_SIGN.get(state, '·')} {_(state)}"


def seat_kind(driver: str) -> str:
    """What a seat is, by the driver of what is put into it; a driver's name where it is another's."""
    return {"piv": _("card reader"), "pkcs11": _("USB slot")}.get(driver, driver)
