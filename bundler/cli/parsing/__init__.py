"""How a command line becomes the call of a command, and what a person is told where it is wrong, or has failed."""
