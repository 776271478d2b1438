"""Faults a simulated bench can have, when they happen, and the scenario files that name them."""
