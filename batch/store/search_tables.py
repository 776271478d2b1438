"""Tables that tokens and entries of the log are looked up in, and indexes for pages, in the words of SQL."""

WORDS = """
CREATE TABLE item_words (
    word TEXT NOT NULL,
    item_id INTEGER NOT NULL REFERENCES items (id),
    PRIMARY KEY (word, item_id)
) STRICT, WITHOUT ROWID;
"""
"""What is three characters long may be the beginning of a longer word: `batch/store/words.py` tells."""

PAGES = """
ALTER TABLE keys ADD COLUMN serial TEXT;
ALTER TABLE former_keys ADD COLUMN serial TEXT;
CREATE INDEX keys_by_serial ON keys (serial) WHERE serial IS NOT NULL;
CREATE INDEX former_keys_by_serial ON former_keys (serial) WHERE serial IS NOT NULL;
CREATE INDEX former_keys_by_expiry ON former_keys (not_after) WHERE not_after IS NOT NULL;
CREATE INDEX items_in_order ON items (order_id);
CREATE INDEX lives_in_state ON lives (state);
CREATE INDEX letters_in_state ON letters (state, item_id);
CREATE INDEX forms_by_state ON forms (state);
CREATE INDEX orders_by_state ON orders (state);
CREATE INDEX orders_of_organisation ON orders (organisation);
CREATE INDEX orders_by_subscriber ON orders (subscriber COLLATE NOCASE);
CREATE INDEX orders_by_their_reference ON orders (reference COLLATE NOCASE);
CREATE INDEX parcels_of_order ON parcels (order_id);
CREATE INDEX persons_in_subscriber ON persons (organisation);
CREATE INDEX quarantine_now ON quarantine (id) WHERE left_at IS NULL
"""

LOG = """
CREATE TABLE log_facts (
    sequence INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    operator TEXT NOT NULL COLLATE NOCASE,
    order_number TEXT,
    item_number TEXT
) STRICT;
CREATE INDEX log_by_event ON log_facts (event);
CREATE INDEX log_by_operator ON log_facts (operator);
CREATE INDEX log_by_order ON log_facts (order_number) WHERE order_number IS NOT NULL;
CREATE INDEX log_by_item ON log_facts (item_number) WHERE item_number IS NOT NULL
"""
"""What entries of the log tell, to look them up by; those of single steps are not among them.

A table and no index over their text: nothing that reads JSON may stand in a schema that is not trusted.
"""
