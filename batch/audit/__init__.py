"""The hash-chained log of everything that happened."""
