"""The tables of what is done with finished tokens in the field, in the words of SQL."""

FIELD = """
CREATE TABLE field_acts (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    act TEXT NOT NULL,
    at TEXT NOT NULL,
    operator TEXT NOT NULL COLLATE NOCASE,
    other TEXT COLLATE NOCASE,
    why TEXT,
    recipient TEXT,
    consents TEXT NOT NULL DEFAULT '',
    signed TEXT
) STRICT;
CREATE INDEX field_acts_of_item ON field_acts (item_id, act);
CREATE TABLE code_tries (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    at TEXT NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX code_tries_of_number ON code_tries (number, id);
CREATE INDEX code_tries_refused ON code_tries (at) WHERE accepted = 0
"""
