"""Codes and their keys: drawing, sealing, opening, destroying."""
