"""A bundle over the years: upgraded, rolled back, its data backed up and restored."""
