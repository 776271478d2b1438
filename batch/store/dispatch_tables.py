"""The tables of blanks, parcels, loans and acknowledgements, in the words of SQL."""

DISPATCH = """
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    driver TEXT NOT NULL,
    model TEXT NOT NULL,
    lot TEXT NOT NULL,
    received INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    received_by TEXT NOT NULL,
    UNIQUE (driver, lot)
) STRICT;
CREATE TABLE blank_serials (
    driver TEXT NOT NULL,
    serial TEXT NOT NULL,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id),
    PRIMARY KEY (driver, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX blank_serials_of_delivery ON blank_serials (delivery_id);
CREATE TABLE blank_departures (
    id INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id),
    serial TEXT,
    count INTEGER NOT NULL,
    how TEXT NOT NULL,
    reason TEXT NOT NULL,
    done_by TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_departure_per_serial ON blank_departures (delivery_id, serial)
    WHERE serial IS NOT NULL;
CREATE TABLE blank_counts (
    id INTEGER PRIMARY KEY,
    driver TEXT NOT NULL,
    counted INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    done_by TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE parcels (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    state TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL,
    closed_by TEXT,
    closed_at TEXT,
    sent_by TEXT,
    sent_at TEXT,
    courier TEXT,
    reference TEXT,
    reason TEXT
) STRICT;
CREATE INDEX parcels_by_state ON parcels (state);
CREATE TABLE parcel_tokens (
    parcel_id INTEGER NOT NULL REFERENCES parcels (id),
    item_id INTEGER NOT NULL REFERENCES items (id),
    added_by TEXT NOT NULL,
    added_at TEXT NOT NULL,
    read_by TEXT,
    read_at TEXT,
    seat TEXT,
    quoted TEXT,
    PRIMARY KEY (parcel_id, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcels_of_item ON parcel_tokens (item_id);
CREATE TABLE token_handlers (
    item_id INTEGER NOT NULL REFERENCES items (id),
    name TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (item_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE loans (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    serial TEXT NOT NULL,
    organisation TEXT NOT NULL,
    person TEXT,
    parcel_id INTEGER REFERENCES parcels (id),
    state TEXT NOT NULL,
    lent_by TEXT NOT NULL,
    lent_at TEXT NOT NULL,
    due_on TEXT NOT NULL,
    ended_by TEXT,
    ended_at TEXT,
    reason TEXT
) STRICT;
CREATE UNIQUE INDEX one_loan_per_device ON loans (kind, serial) WHERE state = 'lent';
CREATE INDEX loans_of_parcel ON loans (parcel_id) WHERE parcel_id IS NOT NULL;
CREATE TABLE acknowledgements (
    id INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    given TEXT NOT NULL,
    item_id INTEGER REFERENCES items (id),
    means TEXT NOT NULL,
    name TEXT NOT NULL,
    sender TEXT NOT NULL,
    wrong TEXT NOT NULL,
    state TEXT NOT NULL,
    taken_by TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    decided_by TEXT,
    decided_at TEXT,
    reason TEXT,
    UNIQUE (message, given)
) STRICT;
CREATE INDEX acknowledgements_by_state ON acknowledgements (state);
CREATE INDEX acknowledgements_of_item ON acknowledgements (item_id);
CREATE TABLE reminders (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    parcel_id INTEGER REFERENCES parcels (id),
    item_id INTEGER REFERENCES items (id),
    loan_id INTEGER REFERENCES loans (id),
    day INTEGER NOT NULL,
    language TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    written_by TEXT NOT NULL,
    written_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_reminder_per_day ON reminders (kind, parcel_id, item_id, day)
    WHERE item_id IS NOT NULL;
CREATE UNIQUE INDEX one_reminder_per_loan ON reminders (loan_id, day) WHERE loan_id IS NOT NULL;
"""
