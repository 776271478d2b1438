"""Orders: from the file a subscriber sent to a draft in which every value is known to be good."""
