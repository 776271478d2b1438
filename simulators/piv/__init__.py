"""A virtual PIV card: the card edge of SP 800-73-4 with the widely used YubiKey extensions.

It is pretence, for benches and tests: keys and codes lie in clear in the card's file.
"""
