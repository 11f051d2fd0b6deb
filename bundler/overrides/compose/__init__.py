"""A service of a compose file becomes an overrides file: variables, includes, extends and merging as in compose."""
