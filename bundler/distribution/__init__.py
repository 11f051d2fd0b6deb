"""Packed bundles in registries: pushed as artifacts, with their signatures and deltas, and pulled."""
