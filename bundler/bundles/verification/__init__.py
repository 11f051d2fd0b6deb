"""Whether a bundle still is what was built: what proves each of its files, and where it differs."""
