"""Tables that somebody typed: from bytes to checked cells, or all that is wrong with them, told by place."""
