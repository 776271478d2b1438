"""The tables of renewals, in the words of SQL."""

EXPIRY = """
ALTER TABLE keys ADD COLUMN not_after TEXT;
CREATE INDEX keys_by_expiry ON keys (not_after, item_id) WHERE not_after IS NOT NULL;
ALTER TABLE items ADD COLUMN renews INTEGER REFERENCES items (id);
CREATE INDEX items_by_renewed ON items (renews) WHERE renews IS NOT NULL;
CREATE TABLE former_keys (
    item_id INTEGER NOT NULL REFERENCES items (id),
    name TEXT NOT NULL,
    renewal_id INTEGER NOT NULL,
    slot TEXT NOT NULL,
    public_key BLOB NOT NULL,
    evidence TEXT,
    certificate BLOB,
    not_after TEXT,
    put_aside_at TEXT NOT NULL,
    PRIMARY KEY (item_id, name, renewal_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_former_certificate_once ON former_keys (certificate) WHERE certificate IS NOT NULL;
CREATE TABLE renewals (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    way TEXT NOT NULL,
    state TEXT NOT NULL,
    old_ends TEXT NOT NULL,
    begun_by TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    changes TEXT NOT NULL,
    held TEXT NOT NULL,
    held_by TEXT,
    salt BLOB,
    role_by TEXT,
    role_at TEXT,
    voucher TEXT,
    paid TEXT,
    pause TEXT,
    pause_until TEXT,
    approved_by TEXT,
    statement TEXT,
    carried_out_by TEXT,
    new_item INTEGER REFERENCES items (id),
    ended_at TEXT,
    reason TEXT
) STRICT;
CREATE UNIQUE INDEX one_renewal_at_a_time ON renewals (item_id) WHERE ended_at IS NULL;
CREATE INDEX renewals_of_item ON renewals (item_id);
CREATE TABLE renewal_keys (
    renewal_id INTEGER NOT NULL REFERENCES renewals (id),
    name TEXT NOT NULL,
    slot TEXT NOT NULL,
    made_at TEXT NOT NULL,
    kept_at TEXT NOT NULL,
    not_before TEXT NOT NULL,
    generation INTEGER NOT NULL,
    public_key BLOB,
    evidence TEXT,
    csr BLOB,
    certificate BLOB,
    PRIMARY KEY (renewal_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE renewal_steps (
    renewal_id INTEGER NOT NULL REFERENCES renewals (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    reason TEXT,
    PRIMARY KEY (renewal_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE vouchers (
    digest TEXT PRIMARY KEY,
    batch TEXT NOT NULL,
    uses INTEGER NOT NULL CHECK (uses > 0),
    spent INTEGER NOT NULL DEFAULT 0 CHECK (spent BETWEEN 0 AND uses),
    until TEXT,
    imported_by TEXT NOT NULL,
    imported_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE renewal_reminders (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    not_after TEXT NOT NULL,
    at TEXT NOT NULL,
    operator TEXT NOT NULL,
    language TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX renewal_reminders_of_item ON renewal_reminders (item_id, not_after);
"""
