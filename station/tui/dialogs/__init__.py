"""Modal dialogs; each is dismissed with a typed value, and Escape is always the safe way out."""
