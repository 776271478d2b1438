"""A simulated desk at the screen: what leads through it, and what plays it."""
