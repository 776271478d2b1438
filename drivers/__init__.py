"""Ports to the world: tokens, certificate authorities, printers, feeders.

A driver knows no order, no database and no screen.
"""
