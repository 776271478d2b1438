"""Certificates that end, and their renewal on the same token or on a new one."""
