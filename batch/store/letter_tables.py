"""The tables of letters that leave and of numbered forms, in the words of SQL."""

LETTERS_AND_FORMS = """
CREATE TABLE postings (
    id INTEGER PRIMARY KEY,
    letter TEXT NOT NULL REFERENCES letters (mailer_number),
    sent_at TEXT NOT NULL,
    sent_by TEXT NOT NULL,
    how TEXT NOT NULL,
    reference TEXT,
    returned_at TEXT,
    returned_by TEXT
) STRICT;
CREATE INDEX postings_of_letter ON postings (letter);
CREATE TABLE form_ranges (
    id INTEGER PRIMARY KEY,
    printer TEXT NOT NULL,
    series TEXT NOT NULL,
    width INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    received_at TEXT NOT NULL,
    received_by TEXT NOT NULL,
    delivery TEXT
) STRICT;
CREATE INDEX form_ranges_by_number ON form_ranges (series, width, first);
CREATE TABLE forms (
    number TEXT PRIMARY KEY,
    range_id INTEGER NOT NULL REFERENCES form_ranges (id),
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    letter TEXT REFERENCES letters (mailer_number),
    since TEXT NOT NULL,
    operator TEXT NOT NULL,
    witness TEXT,
    reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX forms_of_range ON forms (range_id, place, state);
CREATE INDEX forms_of_letter ON forms (letter) WHERE letter IS NOT NULL;
CREATE UNIQUE INDEX one_form_per_letter ON forms (letter)
    WHERE state IN ('printed', 'mailed', 'returned', 'missing') AND letter IS NOT NULL;
CREATE INDEX revocations_of_item ON revocations (item_id);
CREATE INDEX deliveries_in_log ON audit (sequence)
    WHERE instr(body, '"event":"token.acknowledged"') > 0 OR instr(body, '"event":"token.handed-over"') > 0
    OR instr(body, '"event":"token.dispatched"') > 0;
"""
"""A form has a row once it has left the stock: what is in stock are the numbers of ranges without one."""
