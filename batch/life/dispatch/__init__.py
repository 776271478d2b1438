"""Parcels of tokens, what goes with them, and that they came."""
