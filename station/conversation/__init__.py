"""What a command and the screen that started it say to each other over a socket."""
