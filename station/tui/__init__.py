"""The operator's screen: shows the records and the lanes, and gives the desk's own commands."""

import os

for _name in ("TEXTUAL", "TEXTUAL_DEBUG", "TEXTUAL_LOG"):
    # With these Textual writes down every key, those of a PIN too (R40).
    os.environ.pop(_name, None)
