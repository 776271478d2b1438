"""A whole bench without hardware: virtual cards on real PC/SC, SoftHSM tokens, a printer."""
