"""Carrying images to machines without a registry: images of the store become one file, and go into another store."""
