"""Certificate authorities behind one port."""
