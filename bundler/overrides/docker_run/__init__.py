"""A `docker run` line becomes an overrides file: docker 28's flags, with the grammar of their values."""
