"""Image-spec nouns as frozen values, and where an image comes from: one row per transport."""
