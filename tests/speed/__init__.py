"""`make bench`: how fast a station is, beside what it cannot beat and what it has to beat."""
