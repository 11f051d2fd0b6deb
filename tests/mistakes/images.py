"""To be written."""

IMAGES = ()
