"""The feed of a production: whoever runs it serves a socket in the home, where others watch and steer it."""
