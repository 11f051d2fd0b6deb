"""Where images come from: one module per kind of place, one row per transport."""
