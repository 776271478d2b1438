"""Bar code scanners that are no keyboards, behind one port."""
