"""To be written."""

BUNDLES = ()
