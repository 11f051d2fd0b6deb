"""The keys of an overrides file by subject: which spellings each has, and the one form they stand for."""
