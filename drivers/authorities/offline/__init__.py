"""A CA that is reached by files only, such as one whose machine is on no network."""
