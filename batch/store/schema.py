"""The tables, as a chain of migrations."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from batch.store.assessment_tables import ASSESSMENT
from batch.store.dispatch_tables import DISPATCH
from batch.store.field_tables import FIELD
from batch.store.letter_tables import LETTERS_AND_FORMS
from batch.store.life_tables import LIVES
from batch.store.login_tables import LOGINS
from batch.store.renewal_tables import EXPIRY

migrations = Migrations("station")


@migrations()
def m001_first_desk(db: Database) -> None:
    """Orders, items, journal, codes under seal, letters, audit chain."""
    _execute(db, _FIRST)


@migrations()
def m002_quarantine(db: Database) -> None:
    """Stays in quarantine with their ways out, spoiled items and replacements, certificates to be revoked."""
    _execute(db, _QUARANTINE)


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
    db.execute(_TRIES)


@migrations()
def m005_checkpoints_of_the_log(db: Database) -> None:
    """Signed checkpoints with the leaf hashes they cover, and when the log was verified."""
    _execute(db, _CHECKPOINTS)


@migrations()
def m006_serials(db: Database) -> None:
    """A serial is looked up whatever driver its token was made with."""
    db.execute("CREATE INDEX items_by_serial ON items (token_serial) WHERE token_serial IS NOT NULL")


@migrations()
def m007_statements(db: Database) -> None:
    """What operators signed, and their signatures."""
    _execute(db, _STATEMENTS)


@migrations()
def m008_registry(db: Database) -> None:
    """Subscribers and their people; a salt for what the log tells of an item's fields."""
    _execute(db, _REGISTRY)


@migrations()
def m009_diversified_admin_credentials(db: Database) -> None:
    """The diversification key an admin credential is derived from, none where custody holds it."""
    db.execute("ALTER TABLE codes ADD COLUMN diversified_from TEXT")


@migrations()
def m010_custody(db: Database) -> None:
    """Share sets of the custody token's PIN, ceremonies, and keys of epochs before an order takes them."""
    _execute(db, _CUSTODY)


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


def unknown(db: Database) -> list[str]:
    """The migrations of a newer program that a database has gone through."""
    known = {one.name for one in migrations.pending(Database(memory=True))}
    return sorted({one.name for one in migrations.applied(db)} - known)


def _execute(db: Database, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


_FIRST = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    organisation TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    imported_at TEXT NOT NULL,
    decided_by TEXT,
    decided_at TEXT,
    reason TEXT
) STRICT;
CREATE INDEX orders_by_reference ON orders (organisation, reference);
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    mailer_number TEXT NOT NULL UNIQUE,
    layout TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    fields TEXT NOT NULL,
    state TEXT NOT NULL,
    seat TEXT,
    token_driver TEXT,
    token_serial TEXT,
    reason TEXT,
    began_at TEXT,
    ended_at TEXT
) STRICT;
CREATE INDEX items_of_order ON items (order_id, state);
CREATE INDEX items_by_state ON items (state, id);
CREATE INDEX items_by_subject ON items (subject_key);
CREATE UNIQUE INDEX one_item_per_token ON items (token_driver, token_serial) WHERE token_serial IS NOT NULL;
CREATE TABLE steps (
    item_id INTEGER NOT NULL REFERENCES items (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    reason TEXT,
    PRIMARY KEY (item_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    item_id INTEGER NOT NULL REFERENCES items (id),
    name TEXT NOT NULL,
    slot TEXT NOT NULL,
    generations INTEGER NOT NULL DEFAULT 0,
    public_key BLOB,
    evidence TEXT,
    csr BLOB,
    certificate BLOB,
    PRIMARY KEY (item_id, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_certificate_once ON keys (certificate) WHERE certificate IS NOT NULL;
CREATE TABLE epochs (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL UNIQUE REFERENCES orders (id),
    key_name TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE codes (
    item_id INTEGER PRIMARY KEY REFERENCES items (id),
    epoch_id INTEGER NOT NULL REFERENCES epochs (id),
    for_custody BLOB NOT NULL,
    for_resume BLOB,
    pin BLOB NOT NULL,
    puk BLOB NOT NULL,
    admin BLOB NOT NULL,
    revocation BLOB NOT NULL,
    revocation_hash TEXT
) STRICT;
CREATE TABLE letters (
    mailer_number TEXT PRIMARY KEY,
    item_id INTEGER NOT NULL UNIQUE REFERENCES items (id),
    state TEXT NOT NULL,
    printer TEXT,
    operator TEXT,
    intent_at TEXT,
    printed_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX letters_by_state ON letters (state);
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
"""

_QUARANTINE = """
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    since TEXT NOT NULL,
    put_by TEXT NOT NULL,
    cause TEXT NOT NULL,
    step TEXT,
    reason TEXT NOT NULL,
    way TEXT,
    way_by TEXT,
    witness TEXT,
    why TEXT,
    replaced INTEGER NOT NULL DEFAULT 0,
    begun_at TEXT,
    blank_at TEXT,
    left_at TEXT
) STRICT;
CREATE INDEX quarantine_of_item ON quarantine (item_id);
CREATE UNIQUE INDEX one_stay_at_a_time ON quarantine (item_id) WHERE left_at IS NULL;
INSERT INTO quarantine (item_id, since, put_by, cause, step, reason)
    SELECT id, coalesce(ended_at, began_at, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
        'not on record', 'other',
        (SELECT name FROM steps WHERE item_id = items.id AND state = 'failed' ORDER BY ended_at DESC LIMIT 1),
        coalesce(reason, 'not on record')
    FROM items WHERE state = 'quarantined' ORDER BY id;
ALTER TABLE items ADD COLUMN replaces INTEGER REFERENCES items (id);
ALTER TABLE items ADD COLUMN token_free INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX one_replacement_per_item ON items (replaces) WHERE replaces IS NOT NULL;
DROP INDEX one_item_per_token;
CREATE UNIQUE INDEX one_item_per_token ON items (token_driver, token_serial)
    WHERE token_serial IS NOT NULL AND token_free = 0;
CREATE TABLE revocations (
    request TEXT PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    certificate BLOB,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    outcome TEXT,
    settled_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_waiting ON revocations (settled_at) WHERE settled_at IS NULL;
"""

_TRIES = """
CREATE TABLE tries (
    driver TEXT NOT NULL,
    token TEXT NOT NULL,
    code TEXT NOT NULL,
    open INTEGER NOT NULL CHECK (open >= 0),
    refused INTEGER NOT NULL CHECK (refused >= 0),
    full INTEGER,
    told INTEGER,
    at TEXT NOT NULL,
    PRIMARY KEY (driver, token, code)
) STRICT, WITHOUT ROWID
"""

_CHECKPOINTS = """
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    key TEXT NOT NULL,
    frontier BLOB NOT NULL,
    made_at TEXT NOT NULL,
    leaves BLOB NOT NULL
) STRICT;
CREATE TABLE verifications (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    operator TEXT NOT NULL,
    entries INTEGER NOT NULL
) STRICT;
"""

_STATEMENTS = """
CREATE TABLE statements (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    text BLOB NOT NULL,
    made_at TEXT NOT NULL,
    completed_at TEXT
) STRICT;
CREATE INDEX statements_of_subject ON statements (subject, act);
CREATE INDEX statements_of_act ON statements (act, completed_at);
CREATE TABLE signatures (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL REFERENCES statements (digest),
    operator TEXT NOT NULL COLLATE NOCASE,
    value BLOB NOT NULL,
    signed_at TEXT NOT NULL,
    UNIQUE (digest, operator)
) STRICT;
"""

_REGISTRY = """
CREATE TABLE subscribers (
    organisation TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    visiting TEXT NOT NULL,
    postal TEXT NOT NULL,
    country TEXT NOT NULL,
    language TEXT NOT NULL,
    email TEXT NOT NULL,
    quota INTEGER,
    state TEXT NOT NULL,
    salt BLOB NOT NULL,
    search TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE persons (
    number TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    functions TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL COLLATE NOCASE,
    phone TEXT NOT NULL,
    language TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    valid_from TEXT,
    valid_until TEXT,
    identified_by TEXT,
    identified_on TEXT,
    document TEXT,
    terms_on TEXT,
    terms_sha256 TEXT,
    certificate BLOB,
    registered_on TEXT,
    ended_on TEXT,
    forgotten TEXT,
    salt BLOB,
    search TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_person_per_address ON persons (organisation, email) WHERE state <> 'ended';
CREATE INDEX persons_of_subscriber ON persons (organisation, name);
ALTER TABLE items ADD COLUMN salt BLOB;
ALTER TABLE items ADD COLUMN forgotten TEXT;
"""

_CUSTODY = """
CREATE TABLE share_sets (
    name TEXT PRIMARY KEY,
    station TEXT NOT NULL,
    threshold INTEGER NOT NULL,
    proof BLOB NOT NULL,
    state TEXT NOT NULL,
    drawn_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE shares (
    set_name TEXT NOT NULL REFERENCES share_sets (name),
    officer TEXT NOT NULL COLLATE NOCASE,
    place INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (set_name, officer)
) STRICT, WITHOUT ROWID;
CREATE TABLE ceremonies (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    statement TEXT NOT NULL UNIQUE REFERENCES statements (digest),
    agreement BLOB NOT NULL,
    signing BLOB NOT NULL,
    begun_at TEXT NOT NULL,
    outcome BLOB,
    signature BLOB,
    ended_at TEXT
) STRICT;
CREATE TABLE custody_keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    ceremony INTEGER REFERENCES ceremonies (id),
    made_at TEXT NOT NULL,
    ending_at TEXT,
    destroyed_at TEXT,
    doubtful INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO custody_keys (name, public_key, made_at)
    SELECT key_name, public_key, created_at FROM epochs ORDER BY id;
"""
