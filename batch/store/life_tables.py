"""The table of finished tokens on their way, in the words of SQL."""

LIVES = """
CREATE TABLE lives (
    item_id INTEGER PRIMARY KEY REFERENCES items (id),
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    dispatched_at TEXT,
    acknowledged_at TEXT,
    handed_over_at TEXT,
    activated_at TEXT,
    ended_at TEXT
) STRICT;
CREATE INDEX lives_by_state ON lives (state, since);
INSERT INTO lives (item_id, state, since)
    SELECT id, 'at-desk', coalesce(ended_at, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))
    FROM items WHERE state = 'produced';
"""
