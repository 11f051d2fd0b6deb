"""The overrides file: its schema, loading and merging."""
