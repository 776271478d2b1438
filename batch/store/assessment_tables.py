"""The tables of what is found out about orders, in the words of SQL."""

ASSESSMENT = """
CREATE TABLE order_signatures (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id),
    result TEXT NOT NULL,
    person TEXT,
    certificate TEXT,
    signed_at TEXT,
    reason TEXT NOT NULL,
    cms BLOB NOT NULL
) STRICT;
CREATE TABLE assessments (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    at TEXT NOT NULL,
    operator TEXT NOT NULL,
    digest TEXT NOT NULL,
    findings TEXT NOT NULL
) STRICT;
CREATE INDEX assessments_of_order ON assessments (order_id, id);
CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    operator TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX notices_of_order ON notices (order_id, id);
"""
