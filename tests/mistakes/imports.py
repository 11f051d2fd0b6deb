"""To be written."""

IMPORTS = ()
