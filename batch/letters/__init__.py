"""PIN letters: intent, print process, accounting."""
