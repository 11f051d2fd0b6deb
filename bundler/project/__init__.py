"""A compose project: which services it has, in which order, at which addresses, with which volumes; and project.json"""
