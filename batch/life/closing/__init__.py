"""Closing an order, and its signed report."""
