"""A token's life after production: dispatch, acknowledgement, use, renewal, revocation, close-out."""
