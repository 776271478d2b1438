"""The records: SQLite through sqlite-utils, the only place that knows which database."""
