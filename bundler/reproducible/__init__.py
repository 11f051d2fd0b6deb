"""A bundle built again a year later: what a build is locked to, and whether two builds agree."""
