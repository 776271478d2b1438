"""States, ids and events: the words all of batch speaks."""
