"""The tables of making tokens: orders, items, letters, log, registry, custody, in the words of SQL."""

FIRST = """
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

QUARANTINE = """
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

TRIES = """
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

CHECKPOINTS = """
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

STATEMENTS = """
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

REGISTRY = """
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

CUSTODY = """
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
