"""The operator's screen, played by keys."""
