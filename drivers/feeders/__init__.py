"""Whoever puts tokens into a reader and takes them out: a machine, or the operator's hands."""
