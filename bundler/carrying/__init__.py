"""Images of the store as one file, and what such files hold put into a store: for machines without a registry."""
