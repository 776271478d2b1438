"""PIV cards (SP 800-73-4) and the YubiKey extensions."""
