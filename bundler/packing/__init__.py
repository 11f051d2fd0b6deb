"""A bundle as one file: written, read back, verified, and made a directory again."""
