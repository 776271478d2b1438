"""What is done with tokens after they left: handed over, used, unblocked, lost, destroyed."""
