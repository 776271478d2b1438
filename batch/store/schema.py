"""The tables, as a chain of migrations."""

from __future__ import annotations

import json

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from batch.store.assessment_tables import ASSESSMENT
from batch.store.desk_tables import CHECKPOINTS, CUSTODY, FIRST, QUARANTINE, REGISTRY, STATEMENTS, TRIES
from batch.store.dispatch_tables import DISPATCH
from batch.store.field_tables import FIELD
from batch.store.letter_tables import LETTERS_AND_FORMS
from batch.store.life_tables import LIVES
from batch.store.login_tables import LOGINS
from batch.store.renewal_tables import EXPIRY
from batch.store.search_tables import LOG, PAGES, WORDS

migrations = Migrations("station")


@migrations()
def m001_first_desk(db: Database) -> None:
    """Orders, items, journal, codes under seal, letters, audit chain."""
    _execute(db, FIRST)


@migrations()
def m002_quarantine(db: Database) -> None:
    """Stays in quarantine with their ways out, spoiled items and replacements, certificates to be revoked."""
    _execute(db, QUARANTINE)


@migrations()
def m003_restores(db: Database) -> None:
    """Numbers below which none is given again, and what is to be found out after a restore."""
    db.execute("CREATE TABLE floors (what TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    db.execute(
        "CREATE TABLE restores (id INTEGER PRIMARY KEY, at TEXT NOT NULL, operator TEXT NOT NULL, "
        "made_at TEXT NOT NULL, entries INTEGER NOT NULL, ledger INTEGER NOT NULL, ca INTEGER NOT NULL, "
        "reconciled_at TEXT) STRICT"
    )


@migrations()
def m004_tries(db: Database) -> None:
    """The tries spent on the codes of every token."""
    db.execute(TRIES)


@migrations()
def m005_checkpoints_of_the_log(db: Database) -> None:
    """Signed checkpoints with the leaf hashes they cover, and when the log was verified."""
    _execute(db, CHECKPOINTS)


@migrations()
def m006_serials(db: Database) -> None:
    """A serial is looked up whatever driver its token was made with."""
    db.execute("CREATE INDEX items_by_serial ON items (token_serial) WHERE token_serial IS NOT NULL")


@migrations()
def m007_statements(db: Database) -> None:
    """What operators signed, and their signatures."""
    _execute(db, STATEMENTS)


@migrations()
def m008_registry(db: Database) -> None:
    """Subscribers and their people; a salt for what the log tells of an item's fields."""
    _execute(db, REGISTRY)


@migrations()
def m009_diversified_admin_credentials(db: Database) -> None:
    """The diversification key an admin credential is derived from, none where custody holds it."""
    db.execute("ALTER TABLE codes ADD COLUMN diversified_from TEXT")


@migrations()
def m010_custody(db: Database) -> None:
    """Share sets of the custody token's PIN, ceremonies, and keys of epochs before an order takes them."""
    _execute(db, CUSTODY)


@migrations()
def m011_logins(db: Database) -> None:
    """Operators' keys under passphrases, refused PINs and passphrases, sessions."""
    _execute(db, LOGINS)


@migrations()
def m012_codes_of_a_production(db: Database) -> None:
    """The digest of the statement that ordered the production in which codes were drawn."""
    db.execute("ALTER TABLE codes ADD COLUMN ordered TEXT")


@migrations()
def m013_assessment(db: Database) -> None:
    """Signatures of order files, assessments, notices."""
    _execute(db, ASSESSMENT)


@migrations()
def m014_lives(db: Database) -> None:
    """Where finished tokens are."""
    _execute(db, LIVES)


@migrations()
def m015_dispatch(db: Database) -> None:
    """Blanks in stock, parcels, loans, acknowledgements and reminders."""
    _execute(db, DISPATCH)


@migrations()
def m016_letters_and_forms(db: Database) -> None:
    """Letters that leave, numbered forms."""
    _execute(db, LETTERS_AND_FORMS)


@migrations()
def m017_field(db: Database) -> None:
    """What is done with tokens in the field, and tries at revocation codes."""
    _execute(db, FIELD)


@migrations()
def m018_renewals(db: Database) -> None:
    """When certificates end, of those on record too; renewals, vouchers, keys that were put aside."""
    # It knows the records, which know this module.
    from batch.store.expiry import end_of

    _execute(db, EXPIRY)
    for item_id, name, certificate in db.execute(
        "SELECT item_id, name, certificate FROM keys WHERE certificate IS NOT NULL"
    ).fetchall():
        db.execute(
            "UPDATE keys SET not_after = ? WHERE item_id = ? AND name = ?",
            (end_of(certificate), item_id, name),
        )


@migrations()
def m019_lists(db: Database) -> None:
    """Tokens are listed by layout."""
    db.execute("CREATE INDEX items_by_layout ON items (layout)")


@migrations()
def m020_words(db: Database) -> None:
    """The words that tokens are looked for by, of those on record too."""
    # It knows the records, which know this module.
    from batch.store.words import rows_of

    _execute(db, WORDS)
    orders = {id_: names for id_, *names in db.execute("SELECT id, subscriber, organisation FROM orders")}
    last = 0
    while page := db.execute(
        "SELECT id, order_id, fields FROM items WHERE id > ? ORDER BY id LIMIT 10000", (last,)
    ).fetchall():
        found = [row for id_, of, fields in page for row in rows_of(id_, json.loads(fields), *orders[of])]
        # In the order in which they stand, so that each part of the table is written once a page.
        db.conn.executemany("INSERT INTO item_words VALUES (?, ?)", sorted(found))
        last = page[-1][0]


@migrations()
def m021_pages(db: Database) -> None:
    """Indexes in the order of pages; certificates and entries of the log are looked up by what they say."""
    from batch.store.audit import facts_row
    from batch.store.expiry import serial_of

    _execute(db, PAGES)
    for table in ("keys", "former_keys"):
        found = db.execute(f"SELECT item_id, name, certificate FROM {table} WHERE certificate IS NOT NULL")
        db.conn.executemany(
            f"UPDATE {table} SET serial = ? WHERE item_id = ? AND name = ? AND certificate = ?",
            [(serial_of(der), item_id, name, der) for item_id, name, der in found],
        )
    _execute(db, LOG)
    last = 0
    while entries := db.execute(
        "SELECT sequence, CAST(body AS BLOB) FROM audit WHERE sequence > ? ORDER BY sequence LIMIT 10000",
        (last,),
    ).fetchall():
        rows = [facts_row(sequence, body.decode("utf-8", "replace")) for sequence, body in entries]
        db.conn.executemany("INSERT INTO log_facts VALUES (?, ?, ?, ?, ?)", [row for row in rows if row])
        last = entries[-1][0]


def unknown(db: Database) -> list[str]:
    """The migrations of a newer program that a database has gone through."""
    known = {one.name for one in migrations.pending(Database(memory=True))}
    return sorted({one.name for one in migrations.applied(db)} - known)


def _execute(db: Database, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)
