"""The tables, as a chain of migrations."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("station")


@migrations()
def m001_first_desk(db: Database) -> None:
    """Orders, items, journal, codes under seal, letters, audit chain."""
    for statement in _FIRST.split(";\n"):
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
