"""The command `station`: every subcommand is loaded when it is run, so that help answers at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from station.cli.errors import report, report_stop, report_usage
from station.cli.group import Entry, LazyGroup
from station.cli.invocation import GLOBAL_OPTIONS, Invocation
from station.exit_codes import ExitCode
from station.talk import open_closed

COMMANDS = {
    "init": Entry("station.cli.init:init", "Make a station: home, key tokens, CA, records."),
    "screen": Entry("station.cli.screen:screen", "The operator's screen, which `station` alone opens too."),
    "doctor": Entry("station.cli.doctor:doctor", "Check everything a desk needs and say how to mend it."),
    "lanes": Entry("station.cli.lanes:lanes", "List the seats and readers; bind a reader to a seat."),
    "layouts": Entry("station.cli.layouts:layouts", "List and show what tokens and letters look like."),
    "bench": Entry("station.cli.bench:bench", "A simulated bench: readers, cards, tokens without hardware."),
    "registry": Entry("station.cli.registry:registry", "Subscribers and their people: who may order."),
    "login": Entry("station.cli.login:login", "Log in at this terminal with token or passphrase."),
    "logout": Entry("station.cli.login:logout", "End the session of this terminal."),
    "whoami": Entry("station.cli.login:whoami", "Tell who is logged in here, and until when."),
    "operator": Entry("station.cli.operator:operator", "Who works here: enrol, change, retire, list."),
    "order": Entry("station.cli.order:order", "Import, list, show, approve and reject orders."),
    "produce": Entry("station.cli.produce:produce", "Make the tokens of an approved order on all lanes."),
    "token": Entry("station.cli.token:token", "List and show tokens; verify the one in a reader."),
    "revoke": Entry("station.cli.revoking:by_code", "Revoke a token by its revocation code, at any hour."),
    "certificate": Entry("station.cli.certificate:certificate", "Every certificate and how it stands."),
    "renew": Entry("station.cli.renew:renew", "Renew tokens: on the token itself, or by a new one."),
    "diversification": Entry(
        "station.cli.diversification:diversification", "The keys that admin credentials are derived from."
    ),
    "quarantine": Entry("station.cli.quarantine:quarantine", "Tokens set aside: why, and the ways out."),
    "custody": Entry("station.cli.custody:custody", "What PIN officers do together with the custody token."),
    "letter": Entry("station.cli.letter:letter", "Print PIN letters and account for them."),
    "due": Entry("station.cli.due:due", "What each role must do, the longest due first."),
    "stock": Entry("station.cli.stock:stock", "Blank tokens that came in, and what became of them."),
    "dispatch": Entry("station.cli.dispatch:dispatch", "Pack tokens, read each once more, send the parcel."),
    "loan": Entry("station.cli.loan:loan", "Readers and USB sticks that are lent."),
    "acknowledge": Entry(
        "station.cli.acknowledge:acknowledge", "Take in that tokens came; decide on doubts."
    ),
    "audit": Entry("station.cli.audit:audit", "Verify, sign and export the log of everything that happened."),
    "backup": Entry("station.cli.backup:backup", "Copy the records away while the desk works."),
    "restore": Entry("station.cli.restore:restore", "Put a backup in the place of lost or damaged records."),
    "reconcile": Entry("station.cli.restore:reconcile", "Find out what was made after a restored backup."),
    "ca": Entry("station.cli.ca:ca", "The CA's certificates and revocation list."),
    "demo": Entry("station.cli.demo:demo", "The whole job on a simulated bench, from order to letters."),
    "completion": Entry("station.cli.completion:completion", "Print the completion script for a shell."),
}
"""All subcommands in the order of the help; the help is told here so that asking for it loads nothing."""


@click.group(cls=LazyGroup, entries=COMMANDS, params=GLOBAL_OPTIONS, invoke_without_command=True)
@click.version_option(package_name="issuance-station", message="%(version)s")
@click.pass_context
def station(context: click.Context) -> None:
    """The personalisation desk of a certificate issuer: from an approved order to tokens and sealed letters.

    Without a command it opens the operator's screen in a terminal, and tells this elsewhere.

    --home, --as, --pin-fd and --debug may stand before or after a command. What a script may want goes to
    standard output, as JSON with --json; all talk goes to standard error. Exit codes are documented in
    docs/command-line.md.
    """
    if context.invoked_subcommand is None:
        if sys.stdin.isatty() and sys.stdout.isatty():
            from station.cli.screen import screen

            context.invoke(screen)
        else:
            click.echo(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line and return its exit code; every error is told on standard error."""
    invocation = Invocation.fresh()
    try:
        return _carry_out(arguments, invocation)
    finally:
        if invocation.conversation is not None:
            invocation.conversation.close()


def _carry_out(arguments: Sequence[str] | None, invocation: Invocation) -> int:
    try:
        done = station.main(
            None if arguments is None else list(arguments),
            prog_name="station",
            standalone_mode=False,
            obj=invocation,
        )
    except click.Abort:
        return report_stop(invocation.conversation)
    except click.ClickException as error:
        return report_usage(error, invocation.conversation)
    except Exception as error:
        return report(error, invocation.conversation, debug=invocation.debug)
    return done if isinstance(done, int) else ExitCode.OK


def main() -> None:
    """The entry point of the installed command."""
    open_closed()
    sys.exit(run())
