"""Deltas: what a newer bundle has and an older one lacks, as one file; how it is written, and how it is applied."""
