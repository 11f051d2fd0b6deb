"""Layers become a root filesystem, and nothing ever leaves it."""
