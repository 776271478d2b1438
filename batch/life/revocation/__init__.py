"""Revoking a token by its revocation code."""
