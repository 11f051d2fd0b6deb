"""To be written."""

COMMAND_LINE = ()
