"""Wire encodings: bytes as they cross the card edge, shared by drivers and simulated cards."""
