"""Printers behind one port."""
