"""Whether a machine can run bundles, and whether a bundle can run there: facts gathered at the edge, pure judges."""
