"""The tables of logins, in the words of SQL."""

LOGINS = """
CREATE TABLE passphrase_keys (
    key TEXT PRIMARY KEY,
    operator TEXT NOT NULL COLLATE NOCASE,
    sealed BLOB NOT NULL,
    made_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE refused_logins (
    operator TEXT PRIMARY KEY COLLATE NOCASE,
    refused INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    operator TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    until TEXT NOT NULL,
    ended_at TEXT
) STRICT;
"""
