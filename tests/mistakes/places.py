"""To be written."""

PLACES = ()
