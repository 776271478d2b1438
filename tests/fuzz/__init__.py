"""Coverage-guided fuzzing of what reads the writing of others: `python -m tests.fuzz TARGET`."""
